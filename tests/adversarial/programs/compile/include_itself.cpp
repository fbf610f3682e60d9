// tries: to have the preprocessor read its own file twice, and in these twice again, as deep as can be
// status: time_limit_exceeded|memory_limit_exceeded|compile_error
// flags: ["-fmax-include-depth=100000"]
// compile_limits: {"cpu_time_ms": 2000, "wall_time_ms": 5000, "memory_bytes": 201326592}
#include __FILE__
#include __FILE__
int main() {}
