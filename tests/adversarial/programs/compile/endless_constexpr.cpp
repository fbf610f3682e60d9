// tries: to have the compiler compute without end
// status: time_limit_exceeded|memory_limit_exceeded
// flags: ["-std=c++20", "-fconstexpr-ops-limit=9000000000000", "-fconstexpr-loop-limit=2000000000", "-fconstexpr-cache-depth=1"]
// compile_limits: {"cpu_time_ms": 1500, "wall_time_ms": 5000}
constexpr unsigned long spin() {
    unsigned long n = 1;
    for (unsigned long i = 0; i < 1UL << 30; i++)
        for (unsigned long j = 0; j < 1UL << 30; j++) n = n * 3 + i;
    return n;
}
constexpr unsigned long result = spin();
int main() { return result & 1; }
