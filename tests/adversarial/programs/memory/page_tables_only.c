// tries: to take memory that no process is said to have: page tables for one touched page in each two megabytes
// status: memory_limit_exceeded|runtime_error
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "memory_bytes": 67108864}
#include <sys/mman.h>

int main(void) {
    unsigned long size = 1UL << 40;
    char *all = mmap(0, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) return 3;
    madvise(all, size, MADV_NOHUGEPAGE);
    // Read only: each page is the one zero page of the whole machine.
    volatile char seen;
    for (unsigned long at = 0; at < size; at += 2 << 20) seen = all[at];
    return seen;
}
