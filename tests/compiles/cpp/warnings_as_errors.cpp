// flags: -Wall -Werror -pedantic
#include <bits/stdc++.h>
int main() { int unused; int n = 2; int list[n]; }
