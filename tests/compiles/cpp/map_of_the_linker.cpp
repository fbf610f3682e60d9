// flags: -Wl,-Map=main.map,--print-memory-usage,--verbose -Wl,-t
#include <iostream>
int main() { std::cout << "linked\n"; }
