#include <stdio.h>
#include <string.h>
int main(void) { printf("%s %d %s %d %zu\n", __FILE__, __LINE__, __func__, __COUNTER__, strlen(__TIME__)); return 0; }
