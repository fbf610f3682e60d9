# tries: to get a socket of any family but the local one: internet, netlink, packets, vsock, crypto, bluetooth and all others
# status: ok
import ctypes, socket

libc = ctypes.CDLL(None, use_errno=True)
broke = []
for family in list(range(0, 50)) + [1 << 32 | 2, 0x10002, -1]:
    if family == socket.AF_UNIX:
        continue
    for kind in (1, 2, 3, 5):
        for protocol in (0, 1, 6, 17, 255):
            if libc.syscall(41, ctypes.c_long(family), kind, protocol) != -1:
                broke.append(f"family {family}, type {kind}, protocol {protocol}")
    if libc.socketpair(family & 0x7FFFFFFF, 1, 0, (ctypes.c_int * 2)()) != -1:
        broke.append(f"a pair of family {family}")
print("; ".join(broke) or "held")
