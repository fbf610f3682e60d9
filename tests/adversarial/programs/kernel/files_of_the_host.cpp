// tries: to read a file of the host and the service's environment, by every path that might lead out
// status: ok
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>

int main() {
    int broke = 0;
    std::string up;
    for (int i = 0; i < 40; i++) up += "../";
    for (std::string root : {"", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/proc/self/cwd/../../../..", "/dev/fd/0/..",
                             "/proc/self/fd/0/..", "/box/..", "/proc/@server_pid@/root", "/proc/self/task/../../1/root", "/host",
                             "/mnt", "/etc/hostname/.."})
        for (std::string file : {"@host_file@", "/proc/@server_pid@/environ", "/etc/shadow", "/root/.ssh/id_rsa", "/etc/machine-id",
                                 "/var/lib/docker", "/proc/1/environ", "/run/docker.pid"})
            for (const std::string &path : {root + file, root + "/" + up + file}) {
                std::string line;
                if (std::ifstream stream(path); std::getline(stream, line, '\0') && !line.empty())
                    broke += std::printf("%s: %s\n", path.c_str(), line.c_str());
            }
    int root = open("/", O_PATH);
    for (int i = 0; i < 40; i++) {
        int above = openat(root, "..", O_PATH);
        root = above;
    }
    int file = openat(root, &"@host_file@"[1], O_RDONLY);
    if (file >= 0) broke += std::printf("the file is above the root\n");
    if (!broke) std::puts("held");
}
