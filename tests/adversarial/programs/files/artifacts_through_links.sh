# tries: to have files brought back that it cannot name itself: by links, by links to directories, by links of /proc
# status: ok
# artifacts: ["passwd", "host", "environment", "outside/passwd", "self", "descriptor/0", "loop", "fifo", "directory", "closed", "box"]
ln -s /etc/passwd passwd
ln -s @host_file@ host
ln -s /proc/1/environ environment
ln -s /etc outside
ln -s /proc/self/exe self
ln -s /proc/self/fd descriptor
ln -s loop loop
mkfifo fifo
mkdir directory
echo closed > closed
chmod 000 closed
ln -s /box/main.sh box
echo held
