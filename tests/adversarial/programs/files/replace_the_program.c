// tries: to have the next case run another program in its place, one that says what it likes
// via: judge
// status: accepted,accepted,accepted,wrong_answer
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    static const char evil[] = "#!/bin/sh\necho 'the other program ran'\n";
    static const char *paths[] = {"/work/main", "/box/main", "/work/main.c", "/box/main.c"};
    for (int i = 0; i < 4; i++) {
        chmod(paths[i], 0777);
        int direct = open(paths[i], O_WRONLY | O_TRUNC);
        if (direct >= 0) write(direct, evil, strlen(evil));
        unlink(paths[i]);
        int file = open(paths[i], O_WRONLY | O_CREAT | O_TRUNC, 0755);
        if (file >= 0) write(file, evil, strlen(evil));
    }
    struct stat original;
    if (stat("/box/main.c", &original) || original.st_size < 500) puts("the original is gone");
    else puts("held");
    // Nor by a directory in place of what is restored, nor by a directory that is not to be entered.
    unlink("/work/main.c");
    mkdir("/work/main.c", 0);
    symlink("/work", "/work/loop");
}
