// tries: to print, in the compiler's place, with what environments and arguments it and all around it were started
// status: compile_error
// flags: ["-wrapper", "/bin/bash,-c,env >&2; cat /proc/*/environ /proc/*/cmdline /proc/@server_pid@/environ | tr '\\0' '\\n' >&2; exit 1"]
#include "/proc/self/environ"
int main() {}
