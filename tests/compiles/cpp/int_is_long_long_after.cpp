// header: taken
#include <bits/stdc++.h>
#define int long long
using namespace std;
signed main() { int big = 1; big <<= 40; cout << big << ' ' << sizeof(int) << '\n'; }
