// tries: to write more to stdout than anybody wants, in large pieces
// status: output_limit_exceeded
// limits: {"cpu_time_ms": 2000, "wall_time_ms": 4000, "output_bytes": 100000, "output_policy": "kill"}
#include <string.h>
#include <unistd.h>

int main(void) {
    static char piece[1 << 20];
    memset(piece, 'x', sizeof piece);
    for (;;) write(1, piece, sizeof piece);
}
