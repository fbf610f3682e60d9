// header: taken
#include <bits/stdc++.h>
int main() {
    std::cout << __FILE__ << __LINE__ << __BASE_FILE__ << __func__ << __COUNTER__ << __COUNTER__ << '\n';
    std::cout << std::strlen(__TIME__) << std::strlen(__DATE__) << std::strlen(__TIMESTAMP__) << '\n';
#line 7 "elsewhere.cpp"
    std::cout << __FILE__ << __LINE__ << '\n';
}
