// flags: -DONLINE_JUDGE -DLIMIT=7
// header: taken
#include <bits/stdc++.h>
int main() {
#ifdef ONLINE_JUDGE
    std::cout << LIMIT << '\n';
#endif
}
