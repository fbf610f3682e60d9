// flags: -Wl,--defsym=answer=42 -Wl,--wrap=getpid -Wl,--section-start=.fixed=0x10000000 -no-pie
// header: taken
#include <iostream>
#include <unistd.h>
extern "C" { extern char answer; int __wrap_getpid() { return 5; } }
__attribute__((section(".fixed"))) int fixed = 3;
int main() { std::cout << (long)&answer << ' ' << getpid() << ' ' << &fixed << '\n'; }
