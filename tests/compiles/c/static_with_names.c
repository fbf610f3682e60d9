// flags: -static
#include <pwd.h>
#include <stdio.h>
int main(void) { printf("%d\n", getpwnam("nobody of that name") == 0); return 0; }
