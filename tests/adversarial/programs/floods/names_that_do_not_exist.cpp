// tries: to fill the kernel's cache of names with ones that do not exist
// status: time_limit_exceeded|memory_limit_exceeded
// limits: {"cpu_time_ms": 1000, "wall_time_ms": 4000, "memory_bytes": 67108864}
// beside: innocent
#include <string>
#include <unistd.h>

int main() {
    for (unsigned long n = 0;; n++) {
        std::string name = std::to_string(n) + std::string(200, 'x');
        access(("/usr/lib/" + name).c_str(), F_OK);
        access(("/work/" + name).c_str(), F_OK);
        access(("/proc/self/fd/" + name).c_str(), F_OK);
    }
}
