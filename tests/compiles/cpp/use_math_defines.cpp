#define _USE_MATH_DEFINES
#include <bits/stdc++.h>
int main() { std::printf("%.10f %d\n", M_PI, (int)INFINITY == 0); }
