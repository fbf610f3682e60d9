// tries: to put files that it should not read into the executable, by the assembler, and prints what it got
// status: compile_error
#include <stdio.h>
__asm__(".section .rodata\n.global got\ngot: .incbin \"@host_file@\"\n.incbin \"/proc/1/environ\"\n.byte 0\n.text");
extern const char got[];
int main(void) { puts(got); }
