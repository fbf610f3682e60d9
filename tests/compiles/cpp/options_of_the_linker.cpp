// flags: -Wl,--gc-sections,-z,now,--as-needed,--build-id=none,-s -no-pie
#include <iostream>
int main() { std::cout << "linked\n"; }
