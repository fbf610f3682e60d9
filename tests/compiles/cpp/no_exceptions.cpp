// flags: -fno-exceptions -fno-rtti
#include <iostream>
#ifndef __cpp_exceptions
int main() { std::cout << "none\n"; }
#endif
