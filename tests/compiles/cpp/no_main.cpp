// header: taken
#include <iostream>
int Main() { return 0; }
