// header: passed over
#define _GLIBCXX_REGEX 1
#include <bits/stdc++.h>
int main() { std::regex word("a"); }
