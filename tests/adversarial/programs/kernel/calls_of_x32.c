// tries: to pass the filter by the numbers of the x32 architecture, which is the same but for one bit
// status: ok|runtime_error
// stdout: "held\n"
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    puts("held");
    fflush(stdout);
    for (long number = 0; number < 550; number++) {
        // Not those that would end or replace us or wait for ever.
        if (number == SYS_exit || number == SYS_exit_group || number == SYS_pause || number == SYS_fork || number == SYS_vfork) continue;
        long result = syscall(0x40000000 | number, 0, 0, 0, 0, 0, 0);
        if (result != -1) printf("x32 call %ld returned %ld\n", number, result);
    }
}
