// flags: -lnowhere
#include <iostream>
int main() {}
