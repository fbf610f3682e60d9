// header: taken
#include <iostream>
extern "C" int printf(const char *, ...);
extern "C" { int same() { return 1; } }
asm(".globl same\nsame:\n");
int main() { std::cout << same(); }
