# tries: to take memory as unread pipes, each made as large as it may be, more than its limit in all
# status: ok|memory_limit_exceeded
# stdout: "held\n"
# limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "memory_bytes": 33554432}
import fcntl, os, signal

print("held", flush=True)
for _ in range(30):
    if os.fork() == 0:
        while True:
            try:
                _, end = os.pipe()
                os.set_blocking(end, False)
                try:
                    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)
                except OSError:
                    pass
                while True:
                    os.write(end, bytes(65536))
            except BlockingIOError:
                pass
            except OSError:
                break
        signal.pause()
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
