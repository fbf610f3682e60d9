#include <stdio.h>

int main(void) {
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 1;
    volatile long long sum = a;
    for (long long i = 0; i < b; i++) sum++;
    for (long long i = 0; i > b; i--) sum--;
    printf("%lld\n", sum);
    return 0;
}
