// flags: -std=c++20
#include <iostream>
#include <source_location>
int main() { std::cout << std::source_location::current().file_name() << std::source_location::current().line() << '\n'; }
