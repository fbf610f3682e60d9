// tries: to have the compiler take its arguments from files that it should not read, and complain about each word
// status: compile_error
// flags: ["-Wno-error", "@@host_file@", "@/proc/1/environ", "@/proc/@server_pid@/environ", "@/proc/self/environ"]
int main(void) {}
