// flags: -std=c++20
#include <bits/stdc++.h>
template <std::integral T> T half(T value) { return value / 2; }
int main() { std::cout << half(1.5) << '\n'; std::ranges::sort(3); }
