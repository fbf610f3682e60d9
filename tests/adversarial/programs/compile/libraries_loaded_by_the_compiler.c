// tries: to have the compiler load code of its own, as a plugin and by the loader, and gain by it
// status: compile_error
// flags: ["-fplugin=/work/main.c", "-B/work/", "-specs=/box/main.c", "-wrapper", "/usr/bin/env,LD_PRELOAD=/work/main.c"]
int main(void) {}
