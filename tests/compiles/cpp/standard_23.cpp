// flags: -std=c++23
#include <bits/stdc++.h>
int main() { std::print("{} {}\n", __cplusplus, std::views::iota(1, 4) | std::ranges::to<std::vector>()); }
