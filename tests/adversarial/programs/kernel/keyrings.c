// tries: to store and find secrets in the kernel's keyrings, which know users and no containers
// status: ok
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    int broke = 0;
    for (long ring = -8; ring < 0; ring++) {
        if (syscall(SYS_add_key, "user", "left", "data", 4, ring) != -1) broke += printf("add_key to %ld\n", ring);
        if (syscall(SYS_request_key, "user", "left", 0, ring) != -1) broke += printf("request_key from %ld\n", ring);
        for (int command = 0; command < 34; command++)
            if (syscall(SYS_keyctl, command, ring, 1, 0, 0) != -1) broke += printf("keyctl %d of %ld\n", command, ring);
    }
    if (!broke) puts("held");
}
