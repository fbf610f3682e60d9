// header: taken
#include <iostream>
asm(".section .note.GNU-stack,\"x\",@progbits\n.text");
int main() { std::cout << "warned\n"; }
