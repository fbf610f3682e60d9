# shellcheck shell=bash
# What the scripts of this repository share: messages, root rights, Debian packages, processes that we started.
# Sourced, never run. Everything here is safe to source twice.

# Other programs put their own lines on the terminal; the prefix shows which ones are ours.
say() { printf '[caisson] %s\n' "$*"; }
fail() {
    printf '[caisson] error: %s\n' "$*" >&2
    exit 1
}

# The administrator's programs (dockerd, iptables) are not on the PATH of an ordinary Debian user.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Logs and pid files of what we start. Below target/, hence ignored by git.
STATE="$ROOT/target/run"

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
        return
    fi
    has sudo || fail "this needs root and there is no sudo; run as root: $*"
    printf '[caisson] as root: %s\n' "$*" >&2
    sudo "$@"
}

systemd_is_init() { [ -d /run/systemd/system ]; }

# ---- Debian packages ------------------------------------------------------------------------------------------------

package_exists() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

# Waits for another apt instead of failing on its lock.
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

# apt_refresh PACKAGE: one unreachable third-party repository must not stop us; a package that is really missing is
# reported by the installation.
apt_refresh() {
    has apt-get || fail "no apt-get here; please install by hand: $1"
    say "refreshing the package lists"
    apt update >/dev/null || say "some package lists could not be refreshed, going on with the others"
}

# apt_install PACKAGE...: without starting any service that a package brings along; who needs one starts it.
# A subshell, so that the trap is its own: the file must go even after Ctrl-C, or no service would ever start here again.
apt_install() (
    policy=/usr/sbin/policy-rc.d
    say "installing $*"
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 0755 "$policy"
    fi
    apt install -y --no-install-recommends "$@" >"$STATE/apt.log" 2>&1 && return
    tail -n 20 "$STATE/apt.log" >&2
    fail "could not install $* (see above, and $STATE/apt.log)"
)

# ---- processes that we started --------------------------------------------------------------------------------------
# A pid alone may have been given to somebody else's process since, so the file holds "pid start-time"; the pair is
# unique until the machine restarts, and after that the start time does not match.

start_time() {
    local stat
    stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
    # The second field is the program's name in parentheses and may hold blanks; count from behind it.
    stat="${stat##*) }"
    # shellcheck disable=SC2086 # splitting into fields is the point
    set -- $stat
    # A zombie has ended.
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

# record_process FILE PID
record_process() { printf '%s %s\n' "$2" "$(start_time "$2" || true)" >"$1"; }

# recorded_process FILE: prints the pid if that very process still lives.
recorded_process() {
    local pid started
    [ -r "$1" ] || return 1
    read -r pid started <"$1" || return 1
    # Empty if the process had ended before it could be recorded.
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] || return 1
    printf '%s\n' "$pid"
}

# wait_until SECONDS WHAT COMMAND...: polls, shows that it is still waiting, fails when the time is over.
wait_until() {
    local patience="$1" what="$2" begin=$SECONDS shown=0 waited
    shift 2
    until "$@"; do
        waited=$((SECONDS - begin))
        [ "$waited" -lt "$patience" ] || return 1
        if [ "$waited" -ge $((shown + 5)) ]; then
            shown=$waited
            say "waiting for $what (${waited}s of at most ${patience}s)"
        fi
        sleep 0.2
    done
}

process_is_gone() { ! recorded_process "$1" >/dev/null; }

# stop_recorded FILE SECONDS WHAT: SIGTERM, then wait. Never SIGKILL: both the server and dockerd clean up on their way out.
stop_recorded() {
    local pid
    if pid="$(recorded_process "$1")"; then
        say "stopping $3 (pid $pid)"
        if [ -O "/proc/$pid" ]; then kill -TERM "$pid"; else as_root kill -TERM "$pid"; fi
        wait_until "$2" "$3 to end" process_is_gone "$1" || return 1
    fi
    rm -f "$1"
}
