// header: taken
#include <iostream>
__attribute__((section("numbers"), used)) int one = 1, two = 2, three = 3;
extern int __start_numbers, __stop_numbers;
int main() { int sum = 0; for (int *p = &__start_numbers; p < &__stop_numbers; p++) sum += *p; std::cout << sum << '\n'; }
