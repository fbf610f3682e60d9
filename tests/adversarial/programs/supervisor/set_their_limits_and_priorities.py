# tries: to end or cripple PID 1 and the agent by limits, priorities and schedulers of theirs
# status: ok
import ctypes, os, resource

libc = ctypes.CDLL(None, use_errno=True)
broke, others = [], [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]


def attempt(what, act):
    try:
        result = act()
        if result != -1:
            broke.append(f"{what}: {result}")
    except OSError:
        pass


if len(others) < 2:
    broke.append("PID 1 and the agent are not to be seen")
for pid in others:
    for number in range(16):
        attempt(f"prlimit({pid}, {number})", lambda: resource.prlimit(pid, number, (0, 0)))
    # The lower half of the number alone decides, in the kernel; a filter may look at more.
    attempt(f"dirty prlimit({pid})", lambda: libc.syscall(302, ctypes.c_long((1 << 32) | pid), 0, None, None))
    attempt(f"setpriority({pid})", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    attempt(f"setpriority(group {pid})", lambda: os.setpriority(os.PRIO_PGRP, pid, 19))
    attempt(f"sched_setscheduler({pid})", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    attempt(f"ioprio_set({pid})", lambda: libc.syscall(251, 1, pid, 3 << 13))
    attempt(f"move_pages({pid})", lambda: libc.syscall(279, pid, 0, None, None, None, 0))
attempt("setpriority(user)", lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19))
attempt("a better priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
print("; ".join(broke) or "held")
