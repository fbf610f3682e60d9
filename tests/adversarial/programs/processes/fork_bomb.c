// tries: to double itself for ever, each process busy
// status: time_limit_exceeded|process_limit_exceeded|memory_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 3000}
// beside: innocent
#include <unistd.h>

// It has been seen to meet its memory limit first: what a refused fork had taken, it seems, counts until the kernel frees it.
int main(void) {
    for (;;) fork();
}
