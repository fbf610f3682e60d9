// tries: to start threads until there are no more to be had, and does not end them
// status: ok|process_limit_exceeded
// stdout: "held\n"
// limits: {"cpu_time_ms": 2000, "wall_time_ms": 4000, "processes": 64}
#include <cstdio>
#include <system_error>
#include <thread>
#include <unistd.h>

int main() {
    int started = 0;
    try {
        for (; started < 4096; started++) std::thread([] { pause(); }).detach();
    } catch (const std::system_error &) {
    }
    if (started >= 64) std::printf("%d threads\n", started);
    else std::puts("held");
    std::fflush(stdout);
    _exit(0);
}
