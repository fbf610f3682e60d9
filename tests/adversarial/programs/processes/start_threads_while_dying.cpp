// tries: to survive the killing by threads that fork and forks that start threads, while the first process leaves
// status: ok
// stdout: "held\n"
// limits: {"cpu_time_ms": 3000, "wall_time_ms": 5000}
#include <cstdio>
#include <thread>
#include <unistd.h>

static void breed() {
    for (;;) {
        try {
            std::thread([] { usleep(1000); }).detach();
        } catch (...) {
        }
        if (fork() == 0) setsid();
    }
}

int main() {
    std::puts("held");
    std::fflush(stdout);
    if (fork() == 0) breed();
    usleep(150000);
    _exit(0);
}
