// flags: -fsyntax-only
#include <bits/stdc++.h>
int main() { undeclared; }
