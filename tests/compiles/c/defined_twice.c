int value(void) { return 1; }
__asm__(".globl other\nother:\n");
int other(void) { return 2; }
int main(void) { return value() + other(); }
