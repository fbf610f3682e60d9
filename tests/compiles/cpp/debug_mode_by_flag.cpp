// flags: -D_GLIBCXX_DEBUG
// header: passed over
#include <iostream>
#include <vector>
int main() {
    std::vector<int> numbers(3);
    std::cout << "before" << std::endl;
    auto it = numbers.end();
    std::cout << *it << std::endl;
}
