// tries: to leave a process of the compile, and files of it outside of the work directory, for the run to find
// status: ok
// flags: ["-wrapper", "/bin/bash,-c,(setsid sleep 1000 &); touch /tmp/left /dev/shm/left; exec \"$0\" \"$@\""]
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all));) {
        struct stat st;
        char path[300];
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        int pid = atoi(entry->d_name);
        if (pid > 1 && pid != getpid() && !stat(path, &st) && st.st_uid == getuid()) broke += printf("process %d\n", pid);
    }
    if (access("/tmp/left", F_OK) == 0 || access("/dev/shm/left", F_OK) == 0) broke += printf("files\n");
    if (!broke) puts("held");
}
