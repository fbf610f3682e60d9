# tries: to write as fast as a pipeline can, on both streams, and to hold the pipes open from the background
# status: time_limit_exceeded
# limits: {"cpu_time_ms": 1000, "wall_time_ms": 2000, "output_bytes": 1000}
yes yes &
yes no >&2 &
yes perhaps | tee /dev/stderr
