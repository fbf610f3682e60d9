// flags: -fuse-ld=bfd
#include <iostream>
int main() { std::cout << "linked\n"; }
