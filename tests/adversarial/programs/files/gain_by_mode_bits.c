// tries: to gain rights by setuid copies, by giving files away, and by setuid programs of the image
// via: judge
// status: accepted,accepted,accepted
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000}
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int broke;

static int look(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)at;
    if (!strcmp(path, "/proc") || !strcmp(path, "/sys")) return FTW_SKIP_SUBTREE;
    if (kind == FTW_F && st->st_mode & (S_ISUID | S_ISGID) && S_ISREG(st->st_mode)) broke += printf("%s\n", path);
    return FTW_CONTINUE;
}

int main(void) {
    nftw("/", look, 20, FTW_PHYS | FTW_ACTIONRETVAL);
    int copy = open("/tmp/copy", O_RDWR | O_CREAT, 0755), original = open("/usr/bin/id", O_RDONLY);
    char piece[65536];
    for (ssize_t length; (length = read(original, piece, sizeof piece)) > 0;) write(copy, piece, length);
    close(copy);
    if (chown("/tmp/copy", 0, 0) == 0 || chown("/tmp/copy", getuid() + 1, -1) == 0) broke += printf("given away\n");
    if (chmod("/tmp/copy", 06755)) broke += printf("no mode bits to try\n");
    int ends[2];
    if (pipe(ends)) return 1;
    if (fork() == 0) {
        dup2(ends[1], 1);
        execl("/tmp/copy", "id", "-u", NULL);
        _exit(1);
    }
    wait(NULL);
    char said[32] = {0};
    if (read(ends[0], said, 31) <= 0 || (uid_t)atoi(said) != getuid()) broke += printf("ran as %s\n", said);
    if (mknod("/tmp/device", S_IFCHR | 0666, 0x103) == 0 || mknod("/tmp/white", S_IFCHR, 0) == 0) broke += printf("a device\n");
    if (!broke) puts("held");
}
