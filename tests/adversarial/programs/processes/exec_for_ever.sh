# tries: to be another program at each look: it replaces itself without end
# status: time_limit_exceeded
# limits: {"cpu_time_ms": 800, "wall_time_ms": 3000}
exec /bin/bash "$0"
