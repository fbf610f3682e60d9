// flags: -shared -fPIC
int exported(int x) { return x + 1; }
