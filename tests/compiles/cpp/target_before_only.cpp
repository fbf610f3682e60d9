#pragma GCC target("sse4.2")
#include <iostream>
int main() { std::cout << __builtin_popcount(255) << '\n'; }
