// tries: to hide flags from the filter behind a pointer, by clone3, and to reach processes by descriptors of them
// status: ok
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    uint64_t flags[] = {0, 0x10000000 /* user */, 0x20000000 /* pid */, 0x200000000 /* into a control group */, 0x1000 /* pidfd */};
    for (int i = 0; i < 5; i++) {
        uint64_t arguments[11] = {flags[i], 0, 0, 0, SIGCHLD};
        long child = syscall(435, arguments, sizeof arguments);
        if (child == 0) _exit(0);
        if (child > 0) broke += printf("clone3 with %lx\n", flags[i]);
    }
    for (int pid = 1; pid < 64; pid++) {
        if (syscall(434, pid, 0) >= 0) broke += printf("pidfd_open of %d\n", pid);
        char path[32];
        snprintf(path, sizeof path, "/proc/%d", pid);
        int directory = open(path, O_RDONLY | O_DIRECTORY);
        if (directory < 0) continue;
        if (pid != getpid() && syscall(424, directory, SIGKILL, 0, 0) == 0) broke += printf("pidfd_send_signal to %d\n", pid);
        if (syscall(438, directory, 1, 0) >= 0) broke += printf("pidfd_getfd of %d\n", pid);
        if (syscall(440, directory, 0, 0, 21L, 0) >= 0) broke += printf("process_madvise of %d\n", pid);
    }
    if (!broke) puts("held");
}
