// header: taken
#include <iostream>
int main() {
    std::cout << "no end"
    return 0
}
