// tries: to have the kernel take all memory within one call, faster than anybody looks
// status: memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 6000}
#include <sys/mman.h>

int main() {
    mmap(nullptr, 64UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
    for (;;) mmap(nullptr, 1UL << 28, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}
