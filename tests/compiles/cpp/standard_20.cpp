// flags: -std=c++20
#include <bits/stdc++.h>
int main() {
    std::vector<int> numbers{1, 2, 3};
    for (int n : numbers | std::views::filter([](int n) { return n % 2; })) std::cout << n;
    std::cout << std::format("{:>4}", 7) << __cplusplus << '\n';
}
