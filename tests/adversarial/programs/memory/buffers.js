// tries: to take memory outside of the virtual machine's heap, which has a bound of its own
// status: memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 6000, "memory_bytes": 134217728}
const kept = [];
for (;;) kept.push(Buffer.alloc(1 << 20, 1));
