// flags: -flto
#include <bits/stdc++.h>
struct Base { virtual ~Base() = default; virtual int value() const = 0; };
struct Leaf : Base { int value() const override { return 42; } };
int main() { std::unique_ptr<Base> base = std::make_unique<Leaf>(); std::cout << base->value() << '\n'; }
