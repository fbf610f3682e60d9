// flags: -std=c++98 -pedantic
#include <bits/stdc++.h>
int main() { std::vector<std::vector<int> > v(2); std::cout << __cplusplus << v.size() << '\n'; }
