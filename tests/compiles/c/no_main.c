#include <stdio.h>
int Main(void) { return 0; }
