# tries: to widen its own limits, to leave its control group, to have a program of its own run by the kernel
# status: ok
changed=
found=0
while IFS= read -r file; do
    found=$((found + 1))
    { echo $$ >> "$file"; } 2>/dev/null && changed="$changed $file"
    chmod u+w "$file" 2>/dev/null && changed="$changed mode of $file"
done < <(find /sys/fs/cgroup -type f 2>/dev/null)
while IFS= read -r directory; do
    mkdir "$directory/mine" 2>/dev/null && changed="$changed $directory/mine"
done < <(find /sys/fs/cgroup -type d 2>/dev/null)
[ "$found" -gt 10 ] || changed="$changed nothing was found to change"
mount -t cgroup -o memory none /tmp 2>/dev/null && changed="$changed a mount"
echo "${changed:-held}"
