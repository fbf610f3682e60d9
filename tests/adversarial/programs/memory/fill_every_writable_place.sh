# tries: to take memory as files, in each directory that can be written to, where no process has it
# status: memory_limit_exceeded
# limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "memory_bytes": 67108864}
while :; do
    for place in /tmp /work /dev/shm; do head -c 4M /dev/zero >> "$place/$RANDOM"; done
done 2>/dev/null
