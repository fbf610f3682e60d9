// flags: -static
// header: taken
#include <bits/stdc++.h>
int main() { std::thread([] { std::cout << "in a thread\n"; }).join(); }
