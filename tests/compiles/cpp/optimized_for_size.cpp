// flags: -Os
#include <iostream>
#ifdef __OPTIMIZE_SIZE__
int main() { std::cout << "small\n"; }
#endif
