# tries: to turn the kernel's switches: core_pattern, sysrq, modprobe and all else below /proc/sys
# status: ok
turned=
for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug \
    /proc/sys/vm/drop_caches /proc/sys/vm/overcommit_memory /proc/sys/kernel/ns_last_pid /proc/self/loginuid \
    /proc/self/uid_map /proc/self/setgroups /proc/self/attr/current /proc/self/oom_score_adj /proc/self/coredump_filter \
    /proc/self/clear_refs /proc/self/timerslack_ns /proc/self/comm /proc/1/oom_score_adj /proc/sys/fs/binfmt_misc/register; do
    { printf 1 > "$file"; } 2>/dev/null && turned="$turned $file"
done
while IFS= read -r file; do
    { : >> "$file"; } 2>/dev/null && turned="$turned $file"
done < <(find /proc/sys /proc/irq /proc/bus /proc/fs /sys -type f -not -path '/sys/fs/cgroup/*' 2>/dev/null)
echo "${turned:-held}"
