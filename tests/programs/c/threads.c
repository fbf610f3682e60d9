#include <pthread.h>
#include <stdio.h>

static void *work(void *number)
{
    ++*(int *)number;
    return NULL;
}

int main(void)
{
    int number = 1;
    pthread_t thread;
    pthread_create(&thread, NULL, work, &number);
    pthread_join(thread, NULL);
    printf("%d\n", number);
}
