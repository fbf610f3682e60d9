# tries: to have the answer grow: bytes that take six characters each in JSON, and bytes that are no text at all
# status: ok
# stdout_ends: "\u0001\u0001\u0001\u0001"
# limits: {"cpu_time_ms": 3000, "wall_time_ms": 5000, "output_bytes": 1048576}
import os

for _ in range(200):
    os.write(1, b"\x01" * 65536)
    os.write(2, b"\xff\xc3\xed\xa0\x80" * 13000)
