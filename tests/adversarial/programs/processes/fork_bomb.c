// tries: to double itself for ever, each process busy
// status: time_limit_exceeded|process_limit_exceeded|memory_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 3000}
// beside: innocent
#include <unistd.h>

// What the kernel had taken for a fork that it then refused is given back later, and counts as memory until then.
int main(void) {
    for (;;) fork();
}
