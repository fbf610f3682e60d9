// header: taken
#include <iostream>
#include <bits/stdc++.h>

int main() { std::cout << std::accumulate(std::begin("ab"), std::end("ab"), 0) << '\n'; }
