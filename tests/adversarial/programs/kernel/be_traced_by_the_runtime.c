// tries: to be traced by its parent, so that a stop passes for its end while it goes on
// status: runtime_error
// stdout: "held\n"
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void) {
    puts(ptrace(PTRACE_TRACEME, 0, 0, 0) == -1 ? "held" : "it is traced");
    fflush(stdout);
    // If it were, this would stop it and look like an end.
    raise(SIGUSR1);
    for (;;) pause();
}
