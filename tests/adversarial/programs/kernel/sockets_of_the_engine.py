# tries: to talk to the container engine, by its socket's usual places and by abstract names
# status: ok
import os, socket

places = [
    "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/run/systemd/private", "/run/dbus/system_bus_socket", "/run/systemd/notify",
    "/proc/1/root/run/docker.sock", "/host/run/docker.sock", "/caisson/agent.sock",
]
broke = []
names = set(places)
with open("/proc/self/net/unix") as table:
    names.update(line.split()[7] for line in table if len(line.split()) > 7)
for name in names:
    # In a network namespace of its own there are no names of others; `@` is how the table writes the first byte.
    address = "\0" + name[1:] if name.startswith("@") else name
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(address)
            broke.append(name)
        except OSError:
            pass
broke += [path for path in places if os.path.exists(path)]
print("; ".join(broke) or "held")
