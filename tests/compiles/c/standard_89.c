// flags: -std=c89 -pedantic-errors -Wall
#include <stdio.h>
int main(void) { int a = 1; a++; int b = a; // no such comment
    return b; }
