// flags: -fcommon
#include <stdio.h>
int shared_by_all[10];
int shared_by_all[10];
int main(void) { printf("%d %d\n", shared_by_all[3], (int)sizeof shared_by_all); return 0; }
