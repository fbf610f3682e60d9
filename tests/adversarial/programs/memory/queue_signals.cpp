// tries: to have the kernel keep signals and timers without end, of which it has one budget for each user
// status: ok
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <unistd.h>

int main() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    int queued = 0, timers = 0;
    while (queued < 100000 && sigqueue(getpid(), SIGRTMIN, {}) == 0) queued++;
    timer_t timer;
    while (timers < 100000 && timer_create(CLOCK_MONOTONIC, nullptr, &timer) == 0) timers++;
    if (queued > 1024 || timers > 1024) std::printf("%d signals, %d timers\n", queued, timers);
    else std::puts("held");
}
