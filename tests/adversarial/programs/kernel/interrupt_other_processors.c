// tries: to interrupt all other processors all the time, by barriers that the kernel has them pass
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 1500}
// beside: innocent
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    for (int i = 0; i < 3; i++) fork();
    for (;;) {
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
}
