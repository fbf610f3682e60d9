// tries: to have an executable made that is larger than any disk
// status: compile_error|memory_limit_exceeded|time_limit_exceeded
// compile_limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000}
char first[1UL << 40] = {1};
int main(void) { return first[12345]; }
