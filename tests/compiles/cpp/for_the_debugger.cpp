// flags: -g
#include <bits/stdc++.h>
int main() { std::cout << "debug\n"; }
