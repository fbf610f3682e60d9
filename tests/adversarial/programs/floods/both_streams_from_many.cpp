// tries: to write to both streams from thirty processes at once, after making the pipes as large as can be
// status: output_limit_exceeded|time_limit_exceeded
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 4000, "output_policy": "kill", "output_bytes": 1048576}
// beside: innocent
#include <fcntl.h>
#include <string>
#include <unistd.h>

int main() {
    fcntl(1, F_SETPIPE_SZ, 1 << 20);
    fcntl(2, F_SETPIPE_SZ, 1 << 20);
    std::string piece(1 << 16, '\n');
    for (int i = 0; i < 5; i++) fork();
    for (;;) {
        if (write(1, piece.data(), piece.size()) < 0) pause();
        if (write(2, piece.data(), piece.size()) < 0) pause();
    }
}
