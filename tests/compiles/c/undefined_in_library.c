#include <pthread.h>
double missing_from_libm(double);
int main(void) { return missing_from_libm(1.0) > 0; }
