// header: taken
#include <bits/stdc++.h>
struct Guard { ~Guard() { std::cout << "unwound "; } };
void deep(int n) { Guard guard; if (n == 0) throw std::out_of_range("deep"); deep(n - 1); }
int main() {
    try { deep(3); } catch (const std::logic_error &error) { std::cout << error.what() << '\n'; }
    try { std::vector<int>().at(1); } catch (const std::exception &error) { std::cout << error.what() << '\n'; }
    try { std::rethrow_exception(std::make_exception_ptr(7)); } catch (int n) { std::cout << n << std::endl; }
    throw std::runtime_error("nobody catches");
}
