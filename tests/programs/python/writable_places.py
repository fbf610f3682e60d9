import os, tempfile
for place in [".", os.environ["HOME"], tempfile.gettempdir(), "/dev/shm"]:
    with open(os.path.join(place, "mark"), "w") as file:
        file.write("x")
print("written")
