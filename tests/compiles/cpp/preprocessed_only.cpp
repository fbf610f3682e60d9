// flags: -E -P -o main.i
#include <iostream>
int main() {}
