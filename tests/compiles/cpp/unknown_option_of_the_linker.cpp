// flags: -Wl,--no-such-option
#include <iostream>
int main() {}
