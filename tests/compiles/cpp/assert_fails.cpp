// header: taken
#include <bits/stdc++.h>
int main() { std::cout << "before" << std::endl; assert(1 + 1 == 3); }
