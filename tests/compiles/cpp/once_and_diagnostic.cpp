// flags: -Wall
#pragma GCC diagnostic ignored "-Wunused-variable"
#include <bits/stdc++.h>
int main() { int unused; int other = 1; }
