// flags: -std=gnu++17
// header: taken
#include <bits/stdc++.h>
int main() { std::cout << __cplusplus << (__int128)3 / 2 % 2 + 0LL << '\n'; }
