// header: taken
#include <bits/stdc++.h>
#ifdef _GLIBCXX_IOSTREAM
#define A 1
#else
#define A 0
#endif
#if defined(_GLIBCXX_VECTOR) && defined(_STDIO_H) && !defined(_GLIBCXX_DEBUG)
#define B 1
#else
#define B 0
#endif
int main() { std::cout << A << B << __GNUC__ << __cplusplus << _GLIBCXX_RELEASE << '\n'; }
