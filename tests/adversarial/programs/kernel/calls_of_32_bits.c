// tries: to pass the filter by the numbers of the 32-bit architecture, through the interrupt that the kernel keeps for it
// status: runtime_error
// stdout: "before\n"
#include <stdio.h>

int main(void) {
    puts("before");
    fflush(stdout);
    long result;
    // 20 is getpid there, and writev, which is allowed, here.
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
    printf("int 0x80 returned %ld\n", result);
}
