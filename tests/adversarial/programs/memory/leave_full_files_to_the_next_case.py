# tries: to leave the memory of a case filled with files, so that the next case has less
# via: judge
# status: accepted,accepted,accepted,accepted
# limits: {"cpu_time_ms": 2000, "wall_time_ms": 4000, "memory_bytes": 67108864}
import os

kept = bytearray(20 << 20)
for place in ("/tmp", "/work"):
    with open(place + "/full", "wb") as file:
        file.write(bytes(12 << 20))
    hidden = os.open(place + "/hidden", os.O_RDWR | os.O_CREAT)
    os.write(hidden, bytes(2 << 20))
    os.unlink(place + "/hidden")
print("held")
