// tries: to be unstoppable: every signal blocked and handled, sessions of their own, all of them busy
// status: time_limit_exceeded
// says: CPU
// limits: {"cpu_time_ms": 800, "wall_time_ms": 4000}
#include <csignal>
#include <unistd.h>

int main() {
    for (int number = 1; number <= 64; number++) std::signal(number, [](int) {});
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            setsid();
            break;
        }
    for (volatile unsigned n = 0;; n++) {}
}
