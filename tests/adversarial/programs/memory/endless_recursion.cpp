// tries: to take memory as a stack that grows for ever
// status: runtime_error|memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "stack_bytes": 268435456, "memory_bytes": 134217728}
#include <cstdio>

static int deeper(int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = static_cast<char>(depth);
    return deeper(depth + 1) + frame[0];
}

int main() {
    std::printf("%d\n", deeper(0));
}
