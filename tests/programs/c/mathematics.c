#include <math.h>
#include <stdio.h>

int main(void)
{
    double x;
    scanf("%lf", &x);
    printf("%.3f\n", sqrt(x));
}
