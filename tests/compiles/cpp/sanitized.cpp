// flags: -fsanitize=undefined -fno-sanitize-recover
#include <bits/stdc++.h>
int main(int argc, char **) { int big = INT_MAX; big += argc; std::cout << big << '\n'; }
