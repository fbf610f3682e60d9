// header: taken
#include <iostream>
int main() { std::unordered_map<int, int> m; std::optional<int> o; std::ifstream f; printf("%d", INT_MAX); memset(0, 0, 0); }
