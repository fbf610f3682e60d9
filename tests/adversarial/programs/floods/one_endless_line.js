// tries: to write one line that never ends, faster than it is read, keeping all of it in memory meanwhile
// status: memory_limit_exceeded|time_limit_exceeded|output_limit_exceeded|runtime_error
// limits: {"cpu_time_ms": 2500, "wall_time_ms": 5000, "memory_bytes": 201326592}
const piece = "y".repeat(1 << 20);
const more = () => {
    process.stdout.write(piece);
    setImmediate(more);
};
more();
