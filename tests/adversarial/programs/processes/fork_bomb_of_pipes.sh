# tries: the classic: a function that pipes itself into itself, in the background
# status: time_limit_exceeded|process_limit_exceeded|runtime_error
# limits: {"cpu_time_ms": 1000, "wall_time_ms": 3000}
# beside: innocent
exec 2>/dev/null
bomb() { bomb | bomb & }
bomb
while :; do :; done
