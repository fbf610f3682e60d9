// flags: -Wall -Wextra -pedantic
#include <stdio.h>
#include <string.h>
static int nobody(void) { return 1; }
int main(void) {
    int unused, list[2];
    unsigned u = 1;
    if (u < -1) printf("%s %ld\n", 3, u);
    memset(list, 0, sizeof list + 8);
    gets(0);
}
