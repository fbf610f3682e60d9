// flags: -fsanitize=address -g0
#include <iostream>
int main() { int *list = new int[4]; std::cout << "fine" << std::endl; delete[] list; }
