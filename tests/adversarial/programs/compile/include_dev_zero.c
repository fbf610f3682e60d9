// tries: to have the compiler read a file that never ends
// status: memory_limit_exceeded|time_limit_exceeded|compile_error
// compile_limits: {"cpu_time_ms": 2000, "wall_time_ms": 3000, "memory_bytes": 134217728}
#include "/dev/zero"
int main(void) {}
