// header: taken
#include <bits/stdc++.h>
#pragma GCC optimize("Ofast,unroll-loops")
#pragma GCC target("avx2,popcnt")
using namespace std;
__attribute__((optimize("O1"))) int slow(int value) { return value * 3; }
int main() {
    vector<double> numbers(1000, 0.5);
    double sum = 0;
    for (double number : numbers) sum += number * number;
    cout << sum << slow(2) << __builtin_popcountll(12345) << '\n';
}
