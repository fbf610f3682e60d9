// tries: to leave directories so deep that who clears them for the next case runs out of descriptors, stack or path
// via: judge
// status: accepted,accepted,accepted
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    static const char *places[] = {"/tmp", "/work"};
    for (int i = 0; i < 2; i++) {
        if (chdir(places[i])) return puts("the place is closed"), 0;
        if (access("d", F_OK) == 0) return puts("the case before left its directories"), 0;
        for (int depth = 0; depth < 1500; depth++)
            if (mkdir("d", 0700) || chdir("d")) break;
    }
    puts("held");
}
