// flags: -D_FORTIFY_SOURCE=2 -D_FILE_OFFSET_BITS=64
#include <bits/stdc++.h>
int main() { char text[4]; std::strcpy(text, "abc"); std::cout << text << sizeof(off_t) << '\n'; }
