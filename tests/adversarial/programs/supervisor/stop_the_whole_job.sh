# tries: to leave nothing running that could reach a limit: it stops its own processes, in every way it can
# status: time_limit_exceeded
# says: wall
# limits: {"cpu_time_ms": 1000, "wall_time_ms": 1500}
sleep 100 &
kill -STOP $!
(kill -STOP -1) &
kill -STOP 0
kill -STOP $$
echo "went on"
