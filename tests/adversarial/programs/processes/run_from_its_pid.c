// tries: to outrun the killer: each process forks and leaves at once, so that none has its pid for long
// status: ok|runtime_error
// stdout: "held\n"
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 3000}
// beside: innocent
#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 16; i++)
        if (fork() == 0) {
            setsid();
            for (;;)
                if (fork() > 0) _exit(0);
        }
    puts("held");
    fflush(stdout);
    usleep(400000);
}
