// header: taken
#include "bits/stdc++.h"
int main() { std::cout << "in quotes\n"; }
