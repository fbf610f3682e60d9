// header: taken
#include <iostream>
struct Say { const char *word; Say(const char *w) : word(w) { std::cout << w; } ~Say() { std::cout << '~' << word; } };
Say third __attribute__((init_priority(300)))("c");
Say second __attribute__((init_priority(200)))("b");
Say fourth("d");
__attribute__((constructor(150))) void first() { __builtin_puts("a"); }
int main() { static Say last("e"); }
