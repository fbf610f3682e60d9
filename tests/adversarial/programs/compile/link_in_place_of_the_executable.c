// tries: to leave a link in place of the executable, so that who keeps it or starts it follows it
// via: judge
// status: runtime_error,runtime_error,runtime_error
// flags: ["-wrapper", "/bin/bash,-c,\"$0\" \"$@\"; case $0 in *collect2) rm -f main; ln -s @host_file@ main; ln -s / root;; esac"]
int main(void) {}
