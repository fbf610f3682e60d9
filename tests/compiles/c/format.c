// flags: -Wall -Werror
#include <stdio.h>
int main(void) { printf("%d\n", "text"); return 0; }
