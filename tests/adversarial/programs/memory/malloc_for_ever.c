// tries: to take memory in large pieces and use all of it
// status: memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 6000, "memory_bytes": 67108864}
#include <stdlib.h>
#include <string.h>

int main(void) {
    for (;;) {
        char *piece = malloc(1 << 20);
        if (piece) memset(piece, 1, 1 << 20);
    }
}
