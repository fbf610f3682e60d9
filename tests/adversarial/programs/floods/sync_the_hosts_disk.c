// tries: to have the host's disk written to all the time, through every file that is the host's own
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 1200}
// beside: innocent
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    static const char *paths[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/usr/bin/env", "/etc", "/", "/work"};
    int files[7];
    for (int i = 0; i < 7; i++) files[i] = open(paths[i], O_RDONLY);
    for (int i = 0;; i = (i + 1) % 7) {
        fsync(files[i]);
        fdatasync(files[i]);
        sync_file_range(files[i], 0, 0, SYNC_FILE_RANGE_WRITE);
        syncfs(files[i]);
        sync();
    }
}
