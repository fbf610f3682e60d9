// flags: -Ofast -march=x86-64-v2 -funroll-loops
#include <bits/stdc++.h>
int main() { std::vector<double> v(5, 1); std::cout << std::accumulate(v.begin(), v.end(), 0.0) << std::isnan(NAN); }
