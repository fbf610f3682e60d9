// header: taken
#include <iostream>

int main() {
    std::vector<int> numbers;
    cout << numbers.size();
    std::cout << std::sort << std::setprecision(3);
}
