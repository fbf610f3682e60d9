# tries: to tell the next case something by how many processes and files it makes: the kernel numbers both
# open: only a sandbox for each case would begin to count anew
# via: judge
# status: accepted,accepted,accepted
import os

first = os.open("/tmp/first", os.O_RDWR | os.O_CREAT)
process, file = os.getpid(), os.fstat(first).st_ino
broke = []
if process > 60:
    broke.append(f"there were {process} processes before")
if file > 200:
    broke.append(f"there were {file} files before")
print("; ".join(broke) or "held")
for _ in range(500):
    os.close(os.open("/tmp/next", os.O_RDWR | os.O_CREAT))
    os.unlink("/tmp/next")
for _ in range(100):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
