int elsewhere(int);
int main(void) { return elsewhere(3); }
