// header: taken
#include <bits/stdc++.h>
using namespace std;

int main() {
    vector<int> numbers;
    numbers.push(1);
    cout << nmbers.size() << endl;
    strin text = 5;
}
