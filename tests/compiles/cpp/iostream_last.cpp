// header: passed over
#include <vector>
#include <string>
#include <iostream>

int main() { std::cout << std::vector<std::string>(2, "x").size() << '\n'; }
