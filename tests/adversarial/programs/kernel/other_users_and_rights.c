// tries: to become root or any other user, to have groups and capabilities, to undo what was given up
// status: ok
#define _GNU_SOURCE
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    uid_t mine = getuid(), others[] = {0, 1, 1000, 65534, mine + 1, mine - 1, mine + 2};
    for (int i = 0; i < 7; i++) {
        uid_t other = others[i];
        if (setuid(other) == 0 || seteuid(other) == 0 || setreuid(other, other) == 0 || setresuid(other, other, other) == 0)
            broke += printf("uid %d\n", other);
        if (setgid(other) == 0 || setegid(other) == 0 || setresgid(other, other, other) == 0) broke += printf("gid %d\n", other);
        gid_t group = other;
        if (setgroups(1, &group) == 0) broke += printf("group %d\n", other);
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    if (syscall(SYS_capset, &header, data) == 0) broke += printf("capset\n");
    for (int capability = 0; capability < 41; capability++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0 || prctl(PR_CAPBSET_READ, capability) == 1)
            broke += printf("capability %d\n", capability);
    if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) broke += printf("new rights\n");
    if (prctl(PR_SET_SECCOMP, 0, 0) == 0 || prctl(PR_GET_SECCOMP) != 2) broke += printf("no filter\n");
    for (int limit = 0; limit < RLIM_NLIMITS; limit++) {
        struct rlimit now;
        getrlimit(limit, &now);
        if (now.rlim_max == RLIM_INFINITY) continue;
        now.rlim_max++;
        if (setrlimit(limit, &now) == 0) broke += printf("limit %d\n", limit);
    }
    if (!broke) puts("held");
}
