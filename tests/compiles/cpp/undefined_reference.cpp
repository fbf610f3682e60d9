// header: taken
#include <iostream>
int elsewhere(int);
namespace space { struct Thing { Thing(); virtual void run(); }; }
int main() {
    space::Thing thing;
    std::cout << elsewhere(1);
}
