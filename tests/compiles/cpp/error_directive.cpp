// header: taken
#include <bits/stdc++.h>
#if __cplusplus > 0
#error "this is on purpose"
#endif
int main() {}
