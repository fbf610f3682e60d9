// flags: -pthread
#include <pthread.h>
#include <stdio.h>
static __thread int own = 1;
static int sum;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *work(void *argument) {
    own += *(int *)argument;
    pthread_mutex_lock(&lock);
    sum += own;
    pthread_mutex_unlock(&lock);
    return 0;
}
int main(void) {
    pthread_t threads[4];
    int numbers[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, work, &numbers[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    printf("%d %d\n", sum, own);
    return 0;
}
