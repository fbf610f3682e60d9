# tries: to leave a daemon that keeps the streams open, ignores signals and goes on after the job's end
# status: ok
# limits: {"cpu_time_ms": 2000, "wall_time_ms": 20000}
# within_ms: 4000
import os, signal, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(1)
            os.write(1, b"the daemon lives\n")
    os._exit(0)
os.wait()
print("held")
