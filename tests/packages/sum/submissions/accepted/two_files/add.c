#include "add.h"

number add(number a, number b) {
    return a + b;
}
