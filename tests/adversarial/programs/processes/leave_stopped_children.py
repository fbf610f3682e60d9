# tries: to leave processes behind that are stopped, which wait for a signal to go on, and zombies
# status: ok
import os, signal, time

for i in range(30):
    if os.fork() == 0:
        os.setsid()
        if i % 3 == 0:
            os._exit(0)
        os.kill(os.getpid(), signal.SIGSTOP)
        while True:
            pass
time.sleep(0.2)
print("held", flush=True)
os._exit(0)
