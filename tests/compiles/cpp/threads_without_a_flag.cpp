// header: taken
#include <bits/stdc++.h>
int main() {
    std::mutex lock;
    std::condition_variable told;
    bool done = false;
    std::thread other([&] { std::lock_guard guard(lock); done = true; told.notify_all(); });
    std::unique_lock guard(lock);
    told.wait(guard, [&] { return done; });
    guard.unlock();
    other.join();
    std::call_once(*new std::once_flag, [] { std::cout << "once\n"; });
}
