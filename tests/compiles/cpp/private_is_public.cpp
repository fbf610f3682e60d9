// flags: -fno-access-control
#define private public
#include <iostream>
#include <stack>
int main() { std::stack<int> s; s.push(4); std::cout << s.c.size() << '\n'; }
