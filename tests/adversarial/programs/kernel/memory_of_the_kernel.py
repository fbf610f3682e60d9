# tries: to read the kernel's memory, symbols, log and tables, and what tells of the host and its other users
# status: ok
import os

paths = """/proc/kcore /proc/kallsyms /proc/kmsg /proc/iomem /proc/ioports /proc/modules /proc/keys /proc/key-users
/proc/timer_list /proc/sched_debug /proc/slabinfo /proc/vmallocinfo /proc/pagetypeinfo /proc/config.gz /proc/cmdline /proc/locks
/proc/interrupts /proc/diskstats /proc/partitions /proc/loadavg /proc/stat /proc/schedstat /proc/kpageflags /proc/kpagecount
/proc/kpagecgroup /proc/self/pagemap /dev/mem /dev/kmem /dev/port /dev/kmsg /sys/kernel/notes /sys/kernel/vmcoreinfo
/sys/kernel/debug/sched /sys/kernel/security/lsm /sys/kernel/tracing/trace /sys/firmware/dmi/tables/DMI
/sys/class/net/eth0/address /sys/devices/system/cpu/online /sys/module/kernel/parameters /boot/vmlinuz""".split()
broke = []
for path in paths:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        content = os.read(file, 65536)
    except OSError:
        continue
    # One's own page map is open, without the numbers of frames.
    if path.endswith("pagemap"):
        content = bytes(byte for at in range(0, len(content), 8) for byte in content[at : at + 6])
    if content.strip(b"\0"):
        broke.append(f"{path}: {content[:40]}")
print("; ".join(broke) or "held")
