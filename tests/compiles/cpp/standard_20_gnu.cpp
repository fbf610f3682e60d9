// flags: -std=gnu++20 -Wall
#include <bits/stdc++.h>
using namespace std;
int main() { int unused; span<int> none; cout << none.size() << ranges::max({1, 9, 3}) << (1 <=> 2 < 0) << '\n'; }
