#!/usr/bin/env bash
# Sees to it that a Docker engine answers, and takes away only what it brought.
#
#   images/engine.sh ensure   install (Debian package docker.io) and start the engine unless one answers already
#   images/engine.sh stop     stop the engine if `ensure` started it; otherwise leave it alone
#   images/engine.sh status   say what there is; exit code 1 if nothing answers
#
# With DOCKER_HOST set the engine is somebody else's: it is never installed, started or stopped, only asked.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

PID_FILE="$STATE/dockerd.pid"
LOG="$STATE/dockerd.log"
# Present when we started the engine through systemd.
SYSTEMD_MARK="$STATE/dockerd.systemd"

SOCKET=/var/run/docker.sock

# A first start creates its storage and the bridge: 1-3 s here, more on a slow disk.
START_PATIENCE=60
# dockerd gives its containers 15 s to end before it leaves.
STOP_PATIENCE=45

engine_version() { timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null; }
answers() { has docker && engine_version >/dev/null; }
# There is one, but its socket is not for this user.
forbidden() { [ -S "$SOCKET" ] && [ ! -w "$SOCKET" ] && pgrep -x dockerd >/dev/null 2>&1; }
answers_or_forbids() { answers || forbidden; }

# ---- ensure ---------------------------------------------------------------------------------------------------------

install_engine() {
    local packages=()
    has dockerd || packages+=(docker.io)
    # Newer Debian releases ship the client apart.
    if ! has docker; then
        apt_refresh docker
        if package_exists docker-cli; then packages+=(docker-cli); else packages+=(docker.io); fi
    elif [ "${#packages[@]}" -gt 0 ]; then
        apt_refresh docker.io
    fi
    # With AppArmor on, dockerd needs the parser, which the package merely recommends; without it no container starts.
    if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] && ! has apparmor_parser; then
        packages+=(apparmor)
    fi
    [ "${#packages[@]}" -eq 0 ] || apt_install "${packages[@]}"
}

start_by_systemd() {
    say "starting the engine: systemctl start docker"
    as_root systemctl start docker || fail "systemctl could not start docker; see: journalctl -u docker"
    touch "$SYSTEMD_MARK"
    wait_until "$START_PATIENCE" "the engine to answer" answers_or_forbids || true
}

# The daemon gets a session of its own, so that a Ctrl-C at make does not reach it, and none of our descriptors but the
# log. Until that session exists, the end of sudo's terminal must not take it along. The group lets the calling user talk
# to the socket without being root.
start_by_hand() {
    local pid
    say "starting the engine: dockerd (log in $LOG)"
    # shellcheck disable=SC2016 # expanded by the inner shell
    pid="$(as_root sh -c 'trap "" HUP; setsid dockerd --group "$1" >"$2" 2>&1 </dev/null & echo $!' \
        sh "$(id -gn)" "$LOG" 9>&-)"
    record_process "$PID_FILE" "$pid"
}

answers_or_died() { answers || process_is_gone "$PID_FILE"; }

refuse_forbidden() {
    if forbidden; then
        fail "an engine runs, but $(id -un) may not talk to it; run: sudo usermod -aG docker $(id -un), and log in again"
    fi
}

report_failed_start() {
    refuse_forbidden
    if [ -r "$LOG" ]; then
        say "the last lines of $LOG:" >&2
        tail -n 20 "$LOG" >&2
    fi
    docker version 2>&1 | tail -n 2 >&2 || true
    fail "no Docker engine answers"
}

start_engine() {
    refuse_forbidden
    if systemd_is_init; then
        start_by_systemd
    else
        # One that we started a moment ago and that is not up yet is waited for, not started twice.
        if process_is_gone "$PID_FILE"; then start_by_hand; fi
        wait_until "$START_PATIENCE" "the engine to answer" answers_or_died || true
    fi
    answers || report_failed_start
}

ensure() {
    mkdir -p "$STATE"
    # Two callers at once must not start two daemons.
    exec 9>"$STATE/engine.lock"
    flock -w 300 9 || fail "another engine.sh has been at work for 5 minutes"
    if answers; then
        say "engine: $(describe)"
        return
    fi
    if [ -n "${DOCKER_HOST:-}" ]; then
        has docker || install_engine
        answers || fail "DOCKER_HOST=$DOCKER_HOST does not answer; it is not ours to start"
        return
    fi
    install_engine
    answers || start_engine
    say "engine: $(describe)"
}

# ---- stop and status ------------------------------------------------------------------------------------------------

stop() {
    if [ -n "${DOCKER_HOST:-}" ]; then
        say "engine: DOCKER_HOST is set, left alone"
    elif [ -e "$SYSTEMD_MARK" ]; then
        say "stopping the engine: systemctl stop docker"
        as_root systemctl stop docker.socket docker
        rm -f "$SYSTEMD_MARK"
    elif recorded_process "$PID_FILE" >/dev/null; then
        stop_recorded "$PID_FILE" "$STOP_PATIENCE" "the engine" ||
            fail "the engine does not end; see $LOG"
    else
        rm -f "$PID_FILE"
        say "engine: not started from here, left alone"
    fi
}

describe() {
    timeout 10 docker version --format \
        'Docker {{.Server.Version}} (API {{.Server.APIVersion}}), client {{.Client.Version}}'
}

status() {
    answers || fail "no Docker engine answers; try: images/engine.sh ensure"
    say "engine: $(describe)"
}

case "${1:-}" in
ensure | stop | status) "$1" ;;
*) fail "usage: images/engine.sh ensure|stop|status" ;;
esac
