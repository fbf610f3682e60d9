// tries: to get memory and queues that belong to no process and outlive all: those of System V and of POSIX
// status: ok
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

int main(void) {
    int broke = 0;
    if (shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600) != -1) broke += printf("shmget\n");
    if (shmget(42, 1, 0) != -1 || errno == ENOENT) broke += printf("shmget is there\n");
    if (msgget(IPC_PRIVATE, IPC_CREAT | 0600) != -1) broke += printf("msgget\n");
    if (semget(IPC_PRIVATE, 1, IPC_CREAT | 0600) != -1) broke += printf("semget\n");
    if (mq_open("/queue", O_CREAT | O_RDWR, 0600, NULL) != (mqd_t)-1) broke += printf("mq_open\n");
    if (open("/dev/mqueue/queue", O_CREAT | O_RDWR, 0600) != -1) broke += printf("a queue by its file\n");
    if (!broke) puts("held");
}
