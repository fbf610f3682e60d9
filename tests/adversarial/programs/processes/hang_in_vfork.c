// tries: to be in a sleep that no signal but the last one ends: the parent of a vfork whose child never lets go
// status: time_limit_exceeded
// says: wall
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 800}
#include <signal.h>
#include <unistd.h>

int main(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    if (vfork() == 0)
        for (;;) pause();
}
