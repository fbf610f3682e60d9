// tries: to load programs into the kernel and to handle its page faults: bpf, userfaultfd, its device and relatives
// status: ok
#include <cerrno>
#include <cstdio>
#include <initializer_list>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
    int broke = 0;
    char attributes[128] = {1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1};
    for (int command = 0; command < 40; command++)
        if (syscall(SYS_bpf, command, attributes, sizeof attributes) != -1) broke += std::printf("bpf %d\n", command);
    for (int flags : {0, O_CLOEXEC, 1})
        if (syscall(SYS_userfaultfd, flags) != -1) broke += std::printf("userfaultfd %d\n", flags);
    int device = open("/dev/userfaultfd", O_RDWR);
    if (device >= 0) broke += std::printf("/dev/userfaultfd\n");
    // A socket takes a filter of the old kind, which is checked and harmless; one of the new kind it must not be given.
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    int program = 0;
    if (setsockopt(ends[0], SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) == 0) broke += std::printf("SO_ATTACH_BPF\n");
    if (!broke) std::puts("held");
}
