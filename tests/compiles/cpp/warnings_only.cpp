// flags: -Wall -Wextra
// header: taken
#include <iostream>
static int nobody_calls() { return 1; }
int main(int argc, char **argv) {
    int uninitialised;
    if (argc = 2) std::cout << "assigned\n";
    std::cout << (uninitialised & 0) << '\n';
    int list[2] = {1, 2};
    std::cout << list[1] << '\n';
}
