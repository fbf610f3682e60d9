#include <stdio.h>
#include <stdlib.h>
int main(void) { char name[L_tmpnam]; printf("%d\n", tmpnam(name) != 0); return mktemp("xx") == 0; }
