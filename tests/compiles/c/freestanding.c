// flags: -nostdlib -static -ffreestanding -Wl,-e,begin
void begin(void) { __asm__ volatile("mov $60, %eax\n mov $7, %edi\n syscall"); }
