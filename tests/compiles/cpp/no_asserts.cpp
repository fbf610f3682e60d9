// header: passed over
#define NDEBUG
#include <bits/stdc++.h>
int main() { assert(1 == 2); std::cout << "no assert\n"; }
