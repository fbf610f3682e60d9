// header: taken
#include <iostream>
#include "nowhere.h"
int main() {}
