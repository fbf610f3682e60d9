/* Uses what it is told to, and says so by using nothing else: `cpu HOW MS`, `memory HOW MIB`. Static, so that its own start
   costs little. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double used_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void spin(clockid_t clock, double ms) {
    while (used_ms(clock) < ms)
        for (volatile int i = 0; i < 1000; i++) { }
}

static double share;

static void *spin_thread(void *_) {
    (void)_;
    spin(CLOCK_THREAD_CPUTIME_ID, share);
    return 0;
}

static double children_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* Each takes its share of what is left: forks and ends of processes are use too. */
static void spin_children(int children, double ms) {
    for (int i = 0; i < children; i++) {
        double left = ms - used_ms(CLOCK_PROCESS_CPUTIME_ID) - children_ms();
        if (!fork()) {
            spin(CLOCK_PROCESS_CPUTIME_ID, left / (children - i));
            _exit(0);
        }
        wait(0);
    }
}

/* Nobody waits for them, and nobody can. */
static void spin_orphans(int orphans, double ms) {
    int end[2];
    char byte;
    signal(SIGCHLD, SIG_IGN);
    double given = 0;
    if (pipe(end)) exit(2);
    for (int i = 0; i < orphans; i++) {
        double share = (ms - used_ms(CLOCK_PROCESS_CPUTIME_ID) - given) / (orphans - i);
        given += share;
        if (!fork()) {
            if (fork()) _exit(0);
            spin(CLOCK_PROCESS_CPUTIME_ID, share);
            _exit(0);
        }
    }
    close(end[1]);
    /* The end of the last one closes the pipe. */
    while (read(end[0], &byte, 1) > 0) { }
}

static void touch(char *data, size_t size) {
    for (size_t i = 0; i < size; i += 4096) data[i] = 1;
}

static void *map(size_t size) {
    void *data = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) exit(2);
    return data;
}

static void touch_in_children(size_t size) {
    enum { CHILDREN = 4 };
    int ready[2], go[2];
    char byte = 0;
    if (pipe(ready) || pipe(go)) exit(2);
    for (int i = 0; i < CHILDREN; i++)
        if (!fork()) {
            close(go[1]);
            touch(map(size / CHILDREN), size / CHILDREN);
            if (write(ready[1], &byte, 1) != 1) _exit(2);
            while (read(go[0], &byte, 1) > 0) { }
            _exit(0);
        }
    for (int i = 0; i < CHILDREN; i++)
        if (read(ready[0], &byte, 1) != 1) exit(2);
    close(go[1]);
    while (wait(0) > 0) { }
}

static void fill_file(size_t size) {
    static char block[1 << 20];
    int file = open("/tmp/filled", O_WRONLY | O_CREAT, 0600);
    for (size_t done = 0; done < size; done += sizeof block)
        if (write(file, block, sizeof block) != sizeof block) exit(2);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const char *how = argv[2];
    double amount = atof(argv[3]);
    size_t size = (size_t)amount << 20;
    if (!strcmp(how, "one")) spin(CLOCK_PROCESS_CPUTIME_ID, amount);
    else if (!strcmp(how, "threads")) {
        pthread_t all[8];
        share = amount / 8;
        for (int i = 0; i < 8; i++) pthread_create(&all[i], 0, spin_thread, 0);
        for (int i = 0; i < 8; i++) pthread_join(all[i], 0);
    } else if (!strcmp(how, "children")) spin_children(20, amount);
    else if (!strcmp(how, "orphans")) spin_orphans(2, amount);
    else if (!strcmp(how, "bomb")) {
        for (int i = 0; i < 100; i++) if (!fork()) for (;;) { }
        for (;;) { }
    } else if (!strcmp(how, "heap")) { char *data = malloc(size); touch(data, size); return data[size / 2] - 1; }
    else if (!strcmp(how, "mapped")) touch(map(size), size);
    else if (!strcmp(how, "in children")) touch_in_children(size);
    else if (!strcmp(how, "in files")) fill_file(size);
    else return 2;
    return 0;
}
