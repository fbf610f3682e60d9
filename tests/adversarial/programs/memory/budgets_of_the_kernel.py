# tries: to use up what the kernel gives all users together: watches, rings, keys, locked pages
# status: ok
import ctypes, mmap

libc = ctypes.CDLL(None, use_errno=True)
calls = {
    "inotify_init": (253,),
    "inotify_init1": (294, 0),
    "fanotify_init": (300, 0, 0),
    "io_setup": (206, 128, ctypes.byref(ctypes.c_ulong(0))),
    "io_uring_setup": (425, 8, ctypes.create_string_buffer(256)),
    "add_key": (248, b"user", b"name", b"data", 4, -3),
    "keyctl": (250, 0, -3, 1),
    "memfd_secret": (447, 0),
    "mlockall": (151, 3),
    "perf_event_open": (298, ctypes.create_string_buffer(256), 0, -1, -1, 0),
}
broke = [name for name, call in calls.items() if libc.syscall(*call) != -1]
page = mmap.mmap(-1, 1 << 20)
if libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(page)), 1 << 20) == 0:
    broke.append("mlock")
print("; ".join(broke) or "held")
