// flags: -std=gnu++14
#include <iostream>
int main() { auto f = [](auto x) { return x + 1'000; }; std::cout << __cplusplus << f(1) << '\n'; }
