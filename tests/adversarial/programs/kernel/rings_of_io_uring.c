// tries: to make system calls that no filter sees, by a ring of io_uring
// status: ok
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    char parameters[120];
    int broke = 0;
    for (unsigned flags = 0; flags < 1 << 14; flags = flags ? flags << 1 : 1) {
        memset(parameters, 0, sizeof parameters);
        memcpy(parameters + 8, &flags, sizeof flags);
        long ring = syscall(425, 8, parameters);
        if (ring >= 0 || (errno != ENOSYS && errno != EPERM)) broke += printf("io_uring_setup with %x: %ld, %d\n", flags, ring, errno);
    }
    if (syscall(426, 0, 0, 0, 0, 0, 0) != -1 || (errno != ENOSYS && errno != EPERM)) broke += printf("io_uring_enter\n");
    if (syscall(427, 0, 0, 0, 0) != -1 || (errno != ENOSYS && errno != EPERM)) broke += printf("io_uring_register\n");
    if (!broke) puts("held");
}
