// flags: -Wall
// header: taken
#include <bits/stdc++.h>
using namespace std;
int main() {
    auto_ptr<int> old(new int(3));
    cout << *old << endl;
    vector<int> numbers{1, 2};
    cout << count_if(numbers.begin(), numbers.end(), bind2nd(less<int>(), 2)) << endl;
}
