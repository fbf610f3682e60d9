// flags: -pthread
#include <bits/stdc++.h>
#ifdef _REENTRANT
int main() {
    std::atomic<int> sum{0};
    std::vector<std::thread> all;
    for (int i = 0; i < 4; i++) all.emplace_back([&] { for (int j = 0; j < 1000; j++) sum++; });
    for (auto &one : all) one.join();
    std::cout << sum << std::async(std::launch::async, [] { return 5; }).get() << '\n';
}
#endif
