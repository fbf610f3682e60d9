// tries: to read a file of the host at compile time by each path that might lead to it; what is found is in the error
// status: ok
#if __has_include("@host_file@")
#include "@host_file@"
#elif __has_include("../../../../../../..@host_file@")
#include "../../../../../../..@host_file@"
#elif __has_include("/proc/@server_pid@/root@host_file@")
#include "/proc/@server_pid@/root@host_file@"
#elif __has_include("/proc/@server_pid@/environ")
#include "/proc/@server_pid@/environ"
#elif !__has_include("/etc/passwd")
#error "nothing can be included at all"
#endif
#include <stdio.h>
int main(void) { puts("held"); }
