#include <stdio.h>
int main(void) { printf("%d\n", missing); undeclared_function(); return 0 }
