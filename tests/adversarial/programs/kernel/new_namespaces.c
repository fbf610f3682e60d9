// tries: to enter namespaces of its own, where it would be root, or those of PID 1
// status: ok
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    static const unsigned long flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
                                          CLONE_NEWUTS,  CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */};
    static const char *names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
    int broke = 0;
    for (int i = 0; i < 8; i++) {
        if (unshare(flags[i]) == 0) broke += printf("unshare of %s\n", names[i]);
        if (unshare(flags[i] | CLONE_NEWUSER) == 0) broke += printf("unshare of %s and user\n", names[i]);
        // As a flag of clone, the last one is part of the number of a signal.
        if (i < 7) {
            long child = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
            if (child == 0) _exit(0);
            if (child > 0) broke += printf("clone into %s\n", names[i]);
            child = syscall(SYS_clone, flags[i] | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
            if (child == 0) _exit(0);
            if (child > 0) broke += printf("clone into %s and user\n", names[i]);
        }
        char path[64];
        for (int pid = 1; pid <= 2; pid++) {
            snprintf(path, sizeof path, pid == 1 ? "/proc/1/ns/%s" : "/proc/self/ns/%s", names[i]);
            int space = open(path, O_RDONLY);
            if (space >= 0 && setns(space, 0) == 0) broke += printf("setns to %s\n", path);
        }
    }
    if (!broke) puts("held");
}
