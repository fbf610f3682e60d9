// tries: to have the preprocessor write without end: each macro is ten of the one before
// status: memory_limit_exceeded|time_limit_exceeded
// compile_limits: {"cpu_time_ms": 2000, "wall_time_ms": 5000, "memory_bytes": 201326592}
#define A(x) x x x x x x x x x x
#define B(x) A(A(A(x)))
#define C(x) B(B(B(x)))
int main(void) { C(C(;)) }
