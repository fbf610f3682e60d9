# tries: to leave directories that are closed to everybody, one in another, so that the next case finds them or none
# via: judge
# status: accepted,accepted,accepted,wrong_answer
import os

found = [place + "/" + name for place in ("/work", "/tmp", "/dev/shm") for name in os.listdir(place) if name.startswith("closed")]
print("; ".join(found) or "held")
for place in ("/work", "/tmp", "/dev/shm"):
    path = place
    made = []
    for name in ("closed", "within", "deeper", "still"):
        path += "/" + name
        os.mkdir(path)
        open(path + "/file", "w").close()
        made.append(path)
    for path in reversed(made):
        os.chmod(path, 0)
    os.chmod(place, 0)
