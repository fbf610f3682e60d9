// tries: to run a fork bomb of its own in the place of the compiler
// status: time_limit_exceeded|process_limit_exceeded|compile_error
// flags: ["-wrapper", "/bin/bash,-c,b() { b | b & }; b; while :; do :; done"]
// compile_limits: {"cpu_time_ms": 1500, "wall_time_ms": 3000}
// beside: innocent
int main(void) {}
