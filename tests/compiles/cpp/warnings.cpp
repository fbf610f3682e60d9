// flags: -Wall -Wextra -Wshadow -Wconversion
// header: taken
#include <bits/stdc++.h>
using namespace std;

int twice(int value) {
    int unused;
    unsigned big = 5;
    if (value < big) cout << "less";
    for (size_t value = 0; value < 1; value++) printf("%s\n", value);
    char small = value * 2;
    switch (small) { case 1: cout << 1; case 2: cout << 2; }
}

int main() { int a[3]; a[5] = 1; return twice(a[5]) = 3; }
