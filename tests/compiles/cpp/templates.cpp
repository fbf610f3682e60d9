// header: taken
#include <iostream>
template <int N> struct Fib { static constexpr long value = Fib<N - 1>::value + Fib<N - 2>::value; };
template <> struct Fib<1> { static constexpr long value = 1; };
template <> struct Fib<0> { static constexpr long value = 0; };
template <class... T> auto sum(T... values) { return (values + ...); }
template <class T> struct Show;
int main() {
    std::cout << Fib<80>::value << sum(1, 2.5, 'a') << '\n';
    Show<decltype(std::cout)> show;
}
