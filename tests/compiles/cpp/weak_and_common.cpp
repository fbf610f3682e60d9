// header: taken
#include <iostream>
extern "C" __attribute__((weak)) int absent();
extern char __executable_start, etext, edata, end;
int filled[100000];
int main() {
    std::cout << (absent == nullptr) << (&etext < &edata) << (&edata < &end) << (filled[77] == 0) << '\n';
    std::cout << (&__executable_start < &etext) << '\n';
}
