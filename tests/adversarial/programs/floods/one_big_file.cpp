// tries: to write one file that is larger than files may be
// status: runtime_error
// limits: {"cpu_time_ms": 2000, "wall_time_ms": 4000, "file_size_bytes": 1000000}
#include <fstream>

int main() {
    std::ofstream file("/tmp/big");
    for (;;) file << "0123456789" << std::flush;
}
