// tries: to hold more open files than it may: sent to itself over sockets, where no process has them
// status: ok|memory_limit_exceeded
// stdout: "held\n"
// limits: {"cpu_time_ms": 2000, "wall_time_ms": 5000}
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    puts("held");
    fflush(stdout);
    for (int process = 0; process < 8; process++) {
        if (fork()) continue;
        int ends[2], sent = 0, many[200];
        for (int i = 0; i < 200; i++) many[i] = open("/dev/null", O_RDONLY);
        while (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0) {
            char space[CMSG_SPACE(sizeof many)] = {0}, byte = 0;
            struct iovec body = {&byte, 1};
            struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
            struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof many);
            memcpy(CMSG_DATA(rights), many, sizeof many);
            for (int i = 0; i < 64 && sendmsg(ends[0], &message, 0) > 0; i++) sent += 200;
        }
        // The kernel lets a user have as many in flight as one of its processes may have open.
        if (sent > 4096) printf("%d descriptors in flight\n", sent);
        _exit(0);
    }
    sleep(1);
}
