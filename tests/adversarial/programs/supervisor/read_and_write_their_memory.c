// tries: to trace PID 1 and the agent, and to read or write their memory, environment and descriptors
// status: ok
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

static int broke;

static void got(const char *what, int pid) {
    broke = 1;
    printf("%s of %d\n", what, pid);
}

static void attack(int pid) {
    static const char *files[] = {"mem", "environ", "auxv", "maps", "exe", "fd/0", "fd/1", "fd/3", "root/box", "cwd/box",
                                  "map_files", "syscall", "stack", "personality", "pagemap", "fdinfo/1", "io"};
    char text[256];
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
        int file = open(path, O_RDONLY | O_NONBLOCK);
        if (file >= 0 && read(file, text, sizeof text) > 0) got(files[i], pid);
        close(file);
        if (open(path, O_WRONLY | O_NONBLOCK) >= 0) got("a writable file", pid);
    }
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) got("PTRACE_ATTACH", pid);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) got("PTRACE_SEIZE", pid);
    struct iovec here = {text, sizeof text};
    for (unsigned long at = 0x400000; at < 0x800000; at += 4096) {
        struct iovec there = {(void *)at, sizeof text};
        if (process_vm_readv(pid, &here, 1, &there, 1, 0) > 0) return got("memory read", pid);
        if (process_vm_writev(pid, &here, 1, &there, 1, 0) > 0) return got("memory written", pid);
    }
}

int main(void) {
    int seen = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all));)
        if (isdigit(entry->d_name[0]) && atoi(entry->d_name) != getpid()) {
            seen++;
            attack(atoi(entry->d_name));
        }
    if (seen < 2) puts("PID 1 and the agent are not to be seen");
    else if (!broke) puts("held");
}
