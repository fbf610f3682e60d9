// tries: to burn processor time in children that nobody waits for, which no process's own accounting shows
// status: time_limit_exceeded
// says: CPU
// limits: {"cpu_time_ms": 600, "wall_time_ms": 8000}
// within_ms: 5000
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 400; i++) {
        if (fork() == 0) {
            while (clock() < CLOCKS_PER_SEC / 50) {}
            _exit(0);
        }
        usleep(10000);
    }
}
