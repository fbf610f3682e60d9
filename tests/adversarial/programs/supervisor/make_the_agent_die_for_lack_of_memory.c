// tries: to lower its own score for the kernel's killer, or raise those of PID 1 and the agent, then takes all memory
// status: memory_limit_exceeded
// stdout: "held\n"
// limits: {"cpu_time_ms": 3000, "wall_time_ms": 6000}
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static int writes(const char *process, const char *file, const char *value) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", process, file);
    int score = open(path, O_WRONLY);
    return score >= 0 && write(score, value, strlen(value)) > 0;
}

int main(void) {
    int broke = 0;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    broke += writes("self", "oom_score_adj", "0") + writes("self", "oom_score_adj", "-1000") + writes("self", "oom_adj", "-17");
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all));)
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid()) broke += writes(entry->d_name, "oom_score_adj", "1000");
    puts(broke ? "a score was changed" : "held");
    fflush(stdout);
    for (int i = 0; i < 40; i++)
        if (fork() == 0)
            for (;;) mmap(0, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    pause();
}
