// flags: -save-temps
#include <iostream>
int main() { std::cout << "kept\n"; }
