// flags: -O0
#include <bits/stdc++.h>
int main() { std::vector<int> v(5, 1); std::cout << std::accumulate(v.begin(), v.end(), 0); }
