// tries: to write the agent's frames, which say that all is well, to every descriptor it can find, then crashes
// status: runtime_error
// stdout: "held\n"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    // Whatever the format: lengths and small numbers in front, zeroes behind.
    char frame[64] = {0};
    int open_ones = 0, written = 0;
    for (int fd = 3; fd < 4096; fd++) open_ones += fcntl(fd, F_GETFD) != -1;
    for (int length = 1; length < 32; length++) {
        memset(frame, 0, sizeof frame);
        frame[0] = frame[3] = (char)length;
        for (int fd = 3; fd < 4096; fd++) written += write(fd, frame, sizeof frame) > 0;
    }
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all));) {
        if (atoi(entry->d_name) == 0 || atoi(entry->d_name) == getpid()) continue;
        for (int fd = 0; fd < 32; fd++) {
            char path[300];
            snprintf(path, sizeof path, "/proc/%s/fd/%d", entry->d_name, fd);
            int file = open(path, O_WRONLY | O_NONBLOCK);
            written += file >= 0 && write(file, frame, sizeof frame) > 0;
        }
    }
    if (open_ones || written) printf("%d open, %d written\n", open_ones, written);
    else puts("held");
    fflush(stdout);
    abort();
}
