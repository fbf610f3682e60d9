# tries: to change the agent's own program, to run it as PID 1 and as its counterpart, and to read what PID 1 is
# status: ok
got=
# What it is is no secret: gVisor runs nothing that its user may not read.
{ : >> /caisson/agent; } 2>/dev/null && got="$got changed"
cat /proc/1/exe > /tmp/agent 2>/dev/null && got="$got read as PID 1's"
mv /caisson /tmp/ 2>/dev/null && got="$got moved"
# Whatever it says in these roles goes to nobody, and it must not wait for ever.
(timeout -s KILL 0.3 /caisson/agent init 0 & timeout -s KILL 0.3 /caisson/agent serve < /dev/null; wait) > /tmp/said 2>/dev/null
[ -d /proc/1 ] || got="$got PID 1"
echo "${got:-held}"
