// tries: to get names in its own directories for files that are not its own, and to change them by these
// status: ok
// artifacts: ["passwd", "source", "agent"]
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    static const char *paths[] = {"/etc/passwd", "/box/main.c", "/caisson/agent", "/usr/bin/env", "/proc/self/exe",
                                  "/proc/1/exe", "/dev/null", "/etc/hostname", "/proc/self/fd/0"};
    static const char *names[] = {"passwd", "source", "agent", "a", "b", "c", "d", "e", "f"};
    for (int i = 0; i < 9; i++) {
        if (link(paths[i], names[i]) == 0) broke += printf("a link to %s\n", paths[i]);
        if (linkat(AT_FDCWD, paths[i], AT_FDCWD, names[i], AT_SYMLINK_FOLLOW) == 0) {
            // Its own program may have a second name: it lies in the same directory.
            if (i != 4) broke += printf("a link behind %s\n", paths[i]);
        }
        if (rename(paths[i], names[i]) == 0 || unlink(paths[i]) == 0) broke += printf("%s is gone\n", paths[i]);
        if (i < 6 && i != 4 && truncate(paths[i], 0) == 0) broke += printf("%s is empty\n", paths[i]);
    }
    if (!broke) puts("held");
}
