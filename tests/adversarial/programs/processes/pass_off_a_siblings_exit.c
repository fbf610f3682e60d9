// tries: to have the good end of another child of PID 1 taken for its own bad one
// status: runtime_error
// stdout: "held\n"
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 20; i++) {
        // Its parent is ours: PID 1. Some tell of their end as a child does, some by no signal at all.
        if (syscall(SYS_clone, CLONE_PARENT | (i % 2 ? SIGCHLD : 0), 0, 0, 0, 0) == 0) {
            if (getppid() != 1) puts("the sibling has another parent");
            _exit(0);
        }
        usleep(2000);
    }
    puts("held");
    fflush(stdout);
    abort();
}
