# tries: to tell the next case something by files, in every place that any path leads to
# via: judge
# status: accepted,accepted,accepted,wrong_answer
# limits: {"cpu_time_ms": 3000, "wall_time_ms": 6000}
import os

found = []
made = set()
for top, directories, files in os.walk("/"):
    if top in ("/proc", "/sys"):
        directories.clear()
        continue
    for name in files + [directory for directory in directories if os.path.islink(os.path.join(top, directory))]:
        if "left" in name and os.path.join(top, name) not in made:
            found.append(os.path.join(top, name))
    for name in ["left", "left\n", "left-rf *", b"left\xff\xfe".decode("utf-8", "surrogateescape"), "left" + "x" * 250]:
        try:
            with open(os.path.join(top, name), "w") as file:
                file.write("a word for the next")
            made.add(os.path.join(top, name))
        except OSError:
            pass
if not made:
    found.append("nothing could be written at all")
for place in ("/work", "/tmp", "/dev/shm"):
    os.makedirs(place + "/left-directory/deeper", exist_ok=True)
print("; ".join(map(repr, found)) or "held")
