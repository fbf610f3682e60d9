// tries: to have the kernel send SIGKILL to PID 1 and to the agent, as the owners of a pipe that becomes readable
// status: ok
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char state(int pid) {
    char path[64], found = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *stat = fopen(path, "r");
    if (stat && fscanf(stat, "%*d (%*[^)]) %c", &found) != 1) found = '?';
    if (stat) fclose(stat);
    return found;
}

int main(void) {
    int targets[64], count = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all)) && count < 64;)
        if (isdigit(entry->d_name[0]) && atoi(entry->d_name) != getpid()) targets[count++] = atoi(entry->d_name);
    if (count < 2) return puts("PID 1 and the agent are not to be seen"), 0;
    for (int i = 0; i < count; i++)
        for (int number = 1; number < 32; number++)
            for (int kind = F_OWNER_TID; kind <= F_OWNER_PGRP; kind++) {
                int ends[2];
                if (pipe(ends)) return puts("no pipe"), 0;
                struct f_owner_ex owner = {.type = kind, .pid = targets[i]};
                fcntl(ends[0], F_SETSIG, number);
                fcntl(ends[0], F_SETOWN, targets[i]);
                fcntl(ends[0], F_SETOWN_EX, &owner);
                fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
                if (write(ends[1], "x", 1) != 1) puts("no write");
                close(ends[0]);
                close(ends[1]);
            }
    usleep(50000);
    for (int i = 0; i < count; i++) {
        char now = state(targets[i]);
        if (now != 'S' && now != 'R') return printf("%d is in state %c\n", targets[i], now), 0;
    }
    puts("held");
}
