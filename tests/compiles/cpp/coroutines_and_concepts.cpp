// flags: -std=gnu++20 -fcoroutines
#include <bits/stdc++.h>
struct Task { struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() { std::cout << "returned\n"; }
    void unhandled_exception() {} }; };
Task run() { std::cout << "runs "; co_return; }
int main() { run(); }
