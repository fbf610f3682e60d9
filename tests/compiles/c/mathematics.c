#include <math.h>
#include <stdio.h>
int main(int argc, char **argv) { printf("%.6f %.6f\n", sqrt(argc + 1.0), pow(argc, 0.5)); return 0; }
