// header: taken
#include <iostream>
#if defined(_GLIBCXX_IOSTREAM) && defined(_GLIBCXX_OSTREAM)
#define A 1
#else
#define A 0
#endif
#if defined(_GLIBCXX_VECTOR) || defined(_GLIBCXX_MAP) || defined(_STDC_HEADERS) || defined(_GLIBCXX_ALGORITHM)
#define B 1
#else
#define B 0
#endif
int main() { std::cout << A << B << '\n'; }
