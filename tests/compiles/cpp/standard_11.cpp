// flags: -std=c++11
#include <bits/stdc++.h>
int main() { std::cout << __cplusplus << '\n'; }
