// tries: to use every device there is, those that it makes itself too
// status: ok
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int main() {
    int broke = 0;
    const std::set<std::string> harmless = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
    auto options = std::filesystem::directory_options::skip_permission_denied;
    for (const auto &entry : std::filesystem::recursive_directory_iterator("/dev", options)) {
        std::string path = entry.path();
        struct stat st;
        if (lstat(path.c_str(), &st) || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) || harmless.count(path)) continue;
        if (open(path.c_str(), O_RDWR | O_NONBLOCK) >= 0) broke += std::printf("%s\n", path.c_str());
        // To read from a terminal of one's own, where there is none, is to fail.
        if (int file = open(path.c_str(), O_RDONLY | O_NONBLOCK); file >= 0) broke += std::printf("reading %s\n", path.c_str());
    }
    for (int major = 0; major < 256; major++)
        for (int minor : {0, 1, 2, 3, 11})
            for (mode_t kind : {S_IFCHR, S_IFBLK})
                if (mknod("/tmp/device", kind | 0666, makedev(major, minor)) == 0) broke += std::printf("made %d:%d\n", major, minor);
    if (!broke) std::puts("held");
}
