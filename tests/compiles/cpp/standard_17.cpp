// flags: -std=c++17
#include <bits/stdc++.h>
int main() { if (std::optional<int> x = 3; x) std::cout << __cplusplus << *x << __STRICT_ANSI__ << '\n'; }
