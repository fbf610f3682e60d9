// header: taken
#include <bits/stdc++.h>
int main() { char name[L_tmpnam]; std::cout << (std::tmpnam(name) != nullptr) << '\n'; }
