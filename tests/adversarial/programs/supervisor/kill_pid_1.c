// tries: to end or stop PID 1 by every signal and every call that sends one, the pid's upper half set or not
// status: ok
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    const long dirty = (1L << 32) | 1;
    for (int number = 1; number <= 64; number++) {
        siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
        syscall(SYS_kill, 1L, number);
        syscall(SYS_kill, dirty, number);
        syscall(SYS_tkill, 1L, number);
        syscall(SYS_tgkill, 1L, 1L, number);
        syscall(SYS_tgkill, dirty, dirty, number);
        syscall(SYS_rt_sigqueueinfo, 1L, number, &info);
        syscall(SYS_rt_tgsigqueueinfo, 1L, 1L, number, &info);
    }
    usleep(50000);
    char state = '?';
    FILE *stat = fopen("/proc/1/stat", "r");
    if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1 || !strchr("SR", state)) {
        printf("PID 1 is in state %c\n", state);
        return 0;
    }
    puts("held");
}
