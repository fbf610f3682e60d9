// header: taken
#include <iostream>
int main() { int größe = 3; std::cout << "größe " << größe << U'ß' << u8"€" << '\n'; }
