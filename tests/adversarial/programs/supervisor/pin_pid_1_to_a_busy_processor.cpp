// tries: to pin PID 1 and the agent to the one processor that its own threads keep busy, so that no limit is enforced
// status: time_limit_exceeded
// says: CPU
// limits: {"cpu_time_ms": 700, "wall_time_ms": 5000}
// beside: innocent
#include <sched.h>
#include <thread>
#include <vector>

int main() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    for (int pid = 0; pid < 4096; pid++) sched_setaffinity(pid, sizeof one, &one);
    std::vector<std::thread> all;
    for (int i = 0; i < 40; i++)
        all.emplace_back([] {
            for (volatile unsigned long n = 0;; n++) {}
        });
    for (auto &thread : all) thread.join();
}
