// header: taken
#include <bits/stdc++.h>
#define NDEBUG
#include <cassert>
int main() { assert(1 == 2); std::cout << "no assert\n"; }
