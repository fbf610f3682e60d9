// header: taken
#define MANY 100
#define each(i, n) for (int i = 0; i < (n); i++)
#include <bits/stdc++.h>
int main() { int sum = 0; each(i, MANY) sum += i; std::cout << sum << '\n'; }
