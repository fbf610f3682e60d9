// tries: to find the inputs and answers of its tests while it is compiled, and to build them in
// via: judge
// status: accepted,accepted,wrong_answer
// flags: ["-wrapper", "/bin/bash,-c,{ printf found=; cat /box/* /work/* /tmp/* /proc/*/environ /proc/*/cmdline < /dev/null | grep -aoE 'planted-[a-z]+-[0-9a-f]{16}' | tr '\\n' ' '; } > /work/found 2>/dev/null; exec \"$0\" \"$@\""]
// compile_limits: {"cpu_time_ms": 5000, "wall_time_ms": 10000}
#include <fstream>
#include <iostream>
#include <string>

int main() {
    std::ifstream file("found");
    std::string found;
    std::getline(file, found);
    // What was looked through is known to have been: the wrapper says so even when there was nothing.
    std::cout << (found == "found=" ? "held" : "it found: " + found) << '\n';
}
