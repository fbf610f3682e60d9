// flags: -Wl,-T,/dev/null
int main(void) { return 0; }
