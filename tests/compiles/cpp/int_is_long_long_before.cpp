// header: passed over
#define int long long
#include <bits/stdc++.h>
using namespace std;
signed main() { int big = 1; big <<= 40; cout << big << '\n'; }
