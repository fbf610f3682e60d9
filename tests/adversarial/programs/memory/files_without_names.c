// tries: to take memory as files that are in no directory and mapped nowhere, in many processes
// status: memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000}
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            for (;;) {
                int file = memfd_create("nowhere", 0);
                if (file >= 0) fallocate(file, 0, 0, 8 << 20);
            }
    pause();
}
