// tries: to burden the kernel with as many mappings as it keeps, in as many processes as it can have
// status: time_limit_exceeded|memory_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 5000, "memory_bytes": 134217728}
// beside: innocent
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 30; i++)
        if (fork() == 0)
            for (int kind = 0;; kind++) mmap(0, 4096, kind % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pause();
}
