// flags: -static
#include <stdio.h>
int main(void) { printf("%s\n", "static"); return 0; }
