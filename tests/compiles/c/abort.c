#include <assert.h>
#include <stdio.h>
int main(int argc, char **argv) { setvbuf(stdout, 0, _IONBF, 0); puts("before"); assert(argc == 5); return 0; }
