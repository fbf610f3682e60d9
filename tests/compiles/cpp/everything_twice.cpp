// header: taken
#include <bits/stdc++.h>
#include <bits/stdc++.h>
#include <iostream>

int main() { std::cout << __INCLUDE_LEVEL__ << __LINE__ << '\n'; }
