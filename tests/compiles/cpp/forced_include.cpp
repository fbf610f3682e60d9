// flags: -include cstdio
#include <bits/stdc++.h>
int main() { std::puts("included before"); }
