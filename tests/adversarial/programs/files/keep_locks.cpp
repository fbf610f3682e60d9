// tries: to tell the next case something by locks on what it cannot change: sources, images, devices, directories
// via: judge
// status: accepted,accepted,accepted
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int main() {
    const char *paths[] = {"/box", "/box/main.cpp", "/usr/bin/env", "/etc/passwd", "/etc/hostname", "/dev/null", "/dev/zero",
                           "/proc/self/exe", "/work", "/tmp", "/sys/fs/cgroup", "/proc/1/stat"};
    int broke = 0;
    for (const char *path : paths) {
        int file = open(path, O_RDONLY);
        if (file < 0) continue;
        if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) broke += std::printf("flock of %s\n", path);
        struct flock range{};
        range.l_type = F_RDLCK;
        if (fcntl(file, F_GETLK, &range) == 0 && range.l_type != F_UNLCK) broke += std::printf("lock of %s\n", path);
        range = {};
        range.l_type = F_RDLCK;
        fcntl(file, F_OFD_SETLK, &range);
        fcntl(file, F_SETLEASE, F_RDLCK);
    }
    if (!broke) std::puts("held");
    std::fflush(stdout);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) sleep(1000);
        _exit(0);
    }
}
