// header: passed over
#define _GLIBCXX_DEBUG
#include <bits/stdc++.h>
int main() {
    std::vector<int> numbers(3);
    std::cout << "before" << std::endl;
    std::cout << numbers[3] << std::endl;
}
