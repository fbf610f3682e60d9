// tries: every system call by which a host is administered, or another process reached into
// status: ok
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}

int main(void) {
    static const struct { const char *name; long number; } calls[] = {
        CALL(acct), CALL(adjtimex), CALL(clock_adjtime), CALL(clock_settime), CALL(create_module), CALL(delete_module),
        CALL(fanotify_init), CALL(finit_module), CALL(init_module), CALL(ioperm), CALL(iopl), CALL(kcmp), CALL(kexec_file_load),
        CALL(kexec_load), CALL(lookup_dcookie), CALL(mbind), CALL(migrate_pages), CALL(modify_ldt), CALL(move_pages),
        CALL(name_to_handle_at), CALL(nfsservctl), CALL(open_by_handle_at), CALL(perf_event_open), CALL(process_vm_readv),
        CALL(process_vm_writev), CALL(ptrace), CALL(quotactl), CALL(reboot), CALL(setdomainname), CALL(sethostname),
        CALL(set_mempolicy), CALL(settimeofday), CALL(swapoff), CALL(swapon), CALL(sysfs), CALL(syslog), CALL(umount2),
        CALL(uselib), CALL(ustat), CALL(vhangup), CALL(remap_file_pages), CALL(setfsuid), CALL(setxattr), CALL(fsetxattr),
        CALL(ioprio_set), CALL(sched_setscheduler), CALL(sched_setattr), CALL(mlock), CALL(mlockall), CALL(sync), CALL(syncfs),
    };
    int broke = 0;
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        // Zeroes are what many of them would take: what counts is that it is the filter that refuses.
        if (syscall(calls[i].number, 0, 0, 0, 0, 0, 0) != -1 || (errno != EPERM && errno != ENOSYS))
            broke += printf("%s: %d\n", calls[i].name, errno);
    // Those that are newer than any of our headers.
    for (long number = 463; number < 640; number++)
        if (syscall(number, 0, 0, 0, 0, 0, 0) != -1 || (errno != EPERM && errno != ENOSYS)) broke += printf("%ld: %d\n", number, errno);
    if (!broke) puts("held");
}
