#include <stdio.h>
static int fast(int x) { return x * 2; }
static int (*choose(void))(int) { return fast; }
int twice(int) __attribute__((ifunc("choose")));
int main(void) { printf("%d\n", twice(21)); return 0; }
