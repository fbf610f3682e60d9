// tries: to leave processes that are no children to an ordinary wait: without a signal at their end, and beside their parent
// via: judge
// status: accepted,accepted,accepted
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long silent(unsigned long flags) { return syscall(SYS_clone, flags, 0L, 0L, 0L, 0L); }

static void stay(void) {
    setsid();
    for (;;) sleep(100);
}

static int others(void) {
    int found = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all));) {
        int pid = atoi(entry->d_name);
        struct stat stat_of;
        char path[64];
        snprintf(path, sizeof path, "/proc/%d", pid);
        found += pid > 1 && pid != getpid() && !stat(path, &stat_of) && stat_of.st_uid == getuid();
    }
    closedir(all);
    return found;
}

int main(void) {
    if (others()) return puts("something of the case before is left"), 0;
    // Nobody is told of its end.
    if (silent(0) == 0) {
        // Beside it, and silent as well.
        if (silent(CLONE_PARENT) == 0) stay();
        // An orphan at once.
        if (silent(0) == 0) {
            if (silent(0) == 0) stay();
            _exit(0);
        }
        stay();
    }
    if (silent(CLONE_PARENT) == 0) stay();
    usleep(50000);
    puts(others() >= 4 ? "held" : "they were not begun");
    return 0;
}
