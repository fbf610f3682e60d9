# tries: to leave a file on the host, anywhere
# status: ok
wrote=
for place in / /var/tmp /etc /usr/bin /usr/local/bin /var /run /home /root /opt /mnt /box /caisson /dev /dev/pts /dev/mqueue /proc \
    /proc/1/root/var/tmp /proc/self/root/var/tmp /sys /sys/fs/cgroup /boot /lib /tmp/../../../var/tmp; do
    { echo here > "$place/@mark@"; } 2>/dev/null && wrote="$wrote $place"
    ln -s /tmp "$place/@mark@-link" 2>/dev/null && wrote="$wrote link in $place"
done
touch "/tmp/@mark@" "/work/@mark@" "/dev/shm/@mark@" || wrote="$wrote nothing where it may"
echo "${wrote:-held}"
