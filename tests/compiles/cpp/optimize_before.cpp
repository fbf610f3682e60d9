#pragma GCC optimize("O3,unroll-loops")
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#include <bits/stdc++.h>
using namespace std;
int main() {
    vector<int> numbers(1000);
    iota(numbers.begin(), numbers.end(), 1);
    long long sum = 0;
    for (int number : numbers) sum += number * __builtin_popcount(number);
    cout << sum << '\n';
}
