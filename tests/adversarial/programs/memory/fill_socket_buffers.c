// tries: to take memory as messages that nobody reads, in the buffers of sockets
// status: memory_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "memory_bytes": 33554432}
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    static char message[32768];
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            int ends[2], size = 1 << 30;
            while (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0)
                for (int side = 0; side < 2; side++) {
                    setsockopt(ends[side], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
                    while (send(ends[side], message, sizeof message, 0) > 0) {}
                }
            pause();
        }
    pause();
}
