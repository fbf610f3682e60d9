// flags: -Wl,--version
int main(void) { return 0; }
