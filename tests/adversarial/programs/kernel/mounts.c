// tries: to mount, unmount, move the root, by the old calls and the new ones
// status: ok
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    if (mount("none", "/tmp", "tmpfs", 0, "") == 0) broke += printf("mount\n");
    if (mount("/etc", "/tmp", 0, MS_BIND, 0) == 0) broke += printf("bind\n");
    if (mount(0, "/", 0, MS_REMOUNT | MS_BIND, 0) == 0) broke += printf("remount\n");
    if (mount(0, "/", 0, MS_SHARED | MS_REC, 0) == 0) broke += printf("shared\n");
    if (umount2("/proc/kcore", MNT_DETACH) == 0) broke += printf("umount\n");
    if (chroot("/tmp") == 0) broke += printf("chroot\n");
    if (syscall(SYS_pivot_root, "/tmp", "/tmp") == 0) broke += printf("pivot_root\n");
    if (syscall(428 /* open_tree */, AT_FDCWD, "/", 1) >= 0) broke += printf("open_tree\n");
    if (syscall(429 /* move_mount */, AT_FDCWD, "/tmp", AT_FDCWD, "/work", 0) == 0) broke += printf("move_mount\n");
    if (syscall(430 /* fsopen */, "tmpfs", 0) >= 0) broke += printf("fsopen\n");
    if (syscall(433 /* fspick */, AT_FDCWD, "/", 0) >= 0) broke += printf("fspick\n");
    char attributes[32] = {0};
    if (syscall(442 /* mount_setattr */, AT_FDCWD, "/", 0, attributes, sizeof attributes) == 0) broke += printf("mount_setattr\n");
    if (!broke) puts("held");
}
