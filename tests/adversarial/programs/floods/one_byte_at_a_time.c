// tries: to have the agent look at each single byte, on both streams, and steal its time from others
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 4000}
// beside: innocent
#include <unistd.h>

int main(void) {
    for (;;) {
        write(1, "1", 1);
        write(2, "2", 1);
    }
}
