// tries: to have the image's files, whose pages all sandboxes share, thrown out of memory again and again
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 2500}
// beside: innocent
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static int evict(const char *path, const struct stat *st, int kind) {
    (void)st;
    if (kind != FTW_F) return 0;
    int file = open(path, O_RDONLY | O_NONBLOCK);
    if (file >= 0) {
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        close(file);
    }
    return 0;
}

int main(void) {
    for (;;) {
        ftw("/usr/lib/x86_64-linux-gnu", evict, 8);
        ftw("/usr/bin", evict, 8);
    }
}
