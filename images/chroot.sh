#!/usr/bin/env bash
# Runs one command of a Dockerfile in a root file system, as a build of Docker would: by /bin/sh, as root, with the
# host's network. Mounts and processes are in namespaces of their own and go with them, however this ends.
#
#   images/chroot.sh ROOT COMMAND     needs root; nothing is left in ROOT but what the command wrote
set -euo pipefail

# Programs of packages want these and no device of the host's besides.
DEVICES='null:3 zero:5 full:7 random:8 urandom:9'

make_devices() {
    local device
    mount -t tmpfs -o mode=0755,nosuid tmpfs "$1/dev"
    for device in $DEVICES; do
        mknod -m 0666 "$1/dev/${device%:*}" c 1 "${device#*:}"
    done
    ln -s /proc/self/fd "$1/dev/fd"
    mkdir -m 1777 "$1/dev/shm"
}

# In the namespaces. The root is mounted over itself, so that it can be told from the host's file systems.
inside() {
    local root="$1" command="$2"
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    make_devices "$root"
    mount --bind "$(readlink -f /etc/resolv.conf)" "$root/etc/resolv.conf"
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        chroot "$root" /bin/sh -c "$command"
}

# What the command must find and the root must not keep: the names of the host's servers, and a word to the packages
# that no service starts here.
prepare() {
    : >"$1/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 0755 "$1/usr/sbin/policy-rc.d"
}

take_back() {
    if [ -n "$NAMESPACES" ]; then kill -KILL "$NAMESPACES" 2>/dev/null || true; fi
    rm -f "$1/etc/resolv.conf" "$1/usr/sbin/policy-rc.d"
}

outside() {
    local root="$1" status=0
    NAMESPACES=''
    # shellcheck disable=SC2064 # the root as it is now
    trap "take_back '$root'" EXIT
    prepare "$root"
    # In the background: bash then hears a signal at once, and with `unshare` everything in the namespaces ends.
    unshare --mount --propagation private --pid --fork --kill-child "$0" --inside "$@" </dev/null &
    NAMESPACES=$!
    wait "$NAMESPACES" || status=$?
    NAMESPACES=''
    return "$status"
}

case "${1:-}" in
--inside) shift && inside "$@" ;;
*) outside "$@" ;;
esac
