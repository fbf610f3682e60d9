// flags: -fno-such-thing
#include <iostream>
int main() {}
