// flags: -Wl,-z,execstack
#include <stdio.h>
static int apply(int (*f)(int), int x) { return f(x); }
int main(void) { int base = 10; int add(int x) { return x + base; } printf("%d\n", apply(add, 5)); return 0; }
