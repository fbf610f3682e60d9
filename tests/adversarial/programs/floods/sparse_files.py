# tries: to make files of a terabyte that hold nothing, and to have the largest allowed one brought back
# status: ok
# artifacts: ["sparse"]
import os

broke = []
for place in ("/work", "/tmp", "/dev/shm"):
    try:
        os.truncate(os.open(place + "/huge", os.O_RDWR | os.O_CREAT), 1 << 40)
        broke.append(place)
    except OSError:
        pass
os.truncate(os.open("sparse", os.O_RDWR | os.O_CREAT), 60 << 20)
print("; ".join(broke) or "held")
