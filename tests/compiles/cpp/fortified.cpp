// flags: -D_FORTIFY_SOURCE=3
#include <bits/stdc++.h>
int main(int argc, char **) {
    char text[4];
    std::cout << "before" << std::endl;
    std::memset(text, 'x', 4 + argc * 2);
    std::cout << text[0] << std::endl;
}
