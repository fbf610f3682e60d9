// header: taken
#include <bits/stdc++.h>
using namespace std;

int main() {
    vector<int> numbers{3, 1, 2};
    sort(numbers.begin(), numbers.end());
    map<string, vector<int>> named{{"sorted", numbers}};
    for (auto &[name, list] : named) cout << name << ' ' << accumulate(list.begin(), list.end(), 0) << '\n';
    unordered_set<long long> seen(numbers.begin(), numbers.end());
    cout << seen.size() << ' ' << fixed << setprecision(3) << sqrt(2.0) << endl;
    regex word("[a-z]+");
    cout << regex_match("abc", word) << ' ' << __gcd(12, 18) << ' ' << gcd(12, 18) << '\n';
}
