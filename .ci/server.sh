#!/usr/bin/env bash
# Runs the server of this checkout in the background: what `make serve` and `make stop` do.
#
#   .ci/server.sh start    engine, images, release build, server; returns when it is ready. Where Docker is installed, or
#                          DOCKER_HOST names one, with Docker, otherwise natively; CAISSON_ENGINE=docker|native decides it
#   .ci/server.sh stop     drains the server, removes what is left of its sandboxes, stops the engine if we started it
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../images/lib.sh
. "$(dirname "$0")/../images/lib.sh"
cd "$ROOT"

CONFIG=config/caisson.toml
# Where that configuration listens.
HOST=127.0.0.1
PORT=8080
URL="http://$HOST:$PORT"
BINARY="${CARGO_TARGET_DIR:-$ROOT/target}/release/caisson"
PID_FILE="$STATE/caisson.pid"
LOG="$STATE/caisson.log"

# The first sandbox of every language has to boot; a machine that needs longer is in trouble.
READY_PATIENCE=120
# Jobs that run may end: the server's own bound for its drain, and then some.
DRAIN_PATIENCE=60

owner() {
    local named
    named="$(sed -n 's/^[[:space:]]*owner[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' "$CONFIG" 2>/dev/null | head -n 1)"
    printf '%s\n' "${named:-caisson}"
}

# The native engine's images.
ROOTS="${CAISSON_ROOTS:-$ROOT/target/roots}"

is_native() {
    case "${CAISSON_ENGINE:-auto}" in
    docker) return 1 ;;
    native) return 0 ;;
    auto) ! has dockerd && [ -z "${DOCKER_HOST:-}" ] ;;
    *) fail "CAISSON_ENGINE is '$CAISSON_ENGINE': it may be docker, native or auto" ;;
    esac
}

# ---- start ----------------------------------------------------------------------------------------------------------

ready() { [ "$(curl -s -m 2 -o /dev/null -w '%{http_code}' "$URL/readyz")" = 200 ]; }
ready_or_dead() { ready || process_is_gone "$PID_FILE"; }

port_is_taken() { (exec 3<>"/dev/tcp/$HOST/$PORT") 2>/dev/null; }

refuse_taken_port() {
    port_is_taken || return 0
    has ss && ss -Htlnp "sport = :$PORT" >&2
    fail "port $PORT of $HOST is taken by something that this checkout did not start"
}

print_examples() {
    cat <<END

  curl -s $URL/v1/execute -H 'content-type: application/json' -d '{"language":"python","source":"print(\"hello\")"}'
  curl -s $URL/v1/languages
  curl -s $URL/metrics

END
    say "log: $LOG; stop with: make stop"
}

# A session of its own, so that Ctrl-C at make does not reach it. The variables that are meant for our scripts go: the
# server refuses names beginning with CAISSON_ that it does not know.
launch() {
    local flags=(--set "native.roots=$ROOTS")
    if is_native; then flags+=(--set engine=native); fi
    env -u CAISSON_AGENT -u CAISSON_DEBIAN_MIRROR -u CAISSON_DEBIAN_SECURITY_MIRROR -u CAISSON_ROOTS -u CAISSON_ENGINE \
        setsid "$BINARY" serve --config "$CONFIG" "${flags[@]}" >"$LOG" 2>&1 </dev/null 9>&- &
    record_process "$PID_FILE" $!
}

give_up() {
    say "the last lines of $LOG:" >&2
    tail -n 20 "$LOG" >&2
    stop_recorded "$PID_FILE" "$DRAIN_PATIENCE" "the server" || true
    fail "$1"
}

start() {
    mkdir -p "$STATE"
    exec 9>"$STATE/server.lock"
    flock -n 9 || fail "another server.sh is at work"
    if recorded_process "$PID_FILE" >/dev/null; then
        say "already running at $URL (pid $(recorded_process "$PID_FILE")); for a new build: make stop serve"
        print_examples
        return
    fi
    refuse_taken_port
    .ci/tools.sh build curl
    if is_native; then
        say "engine: native"
        [ "$(id -u)" -eq 0 ] || fail "the native engine needs root: run as root, or install Docker (make engine)"
        images/roots.sh
    else
        images/build.sh
    fi
    say "server: cargo build --release"
    cargo build --release 9>&-
    say "server: $BINARY serve --config $CONFIG"
    launch
    wait_until "$READY_PATIENCE" "the server to be ready" ready_or_dead ||
        give_up "the server is not ready after ${READY_PATIENCE}s"
    ready || give_up "the server ended"
    say "ready at $URL (pid $(recorded_process "$PID_FILE"))"
    print_examples
}

# ---- stop -----------------------------------------------------------------------------------------------------------

stop_server() {
    local pid
    if ! recorded_process "$PID_FILE" >/dev/null; then
        rm -f "$PID_FILE"
        say "server: not running"
    elif ! stop_recorded "$PID_FILE" "$DRAIN_PATIENCE" "the server"; then
        say "the server does not end within ${DRAIN_PATIENCE}s, killing it; see $LOG"
        pid="$(recorded_process "$PID_FILE")" && kill -KILL "$pid"
        rm -f "$PID_FILE"
    fi
}

# What a killed server left behind. A drained one leaves nothing.
remove_sandboxes() {
    local label sandboxes
    label="caisson.owner=$(owner)"
    if port_is_taken; then
        say "something else serves port $PORT; sandboxes with the label $label may be its own and stay"
        return
    fi
    mapfile -t sandboxes < <(timeout 20 docker ps --all --quiet --filter "label=$label" 2>/dev/null)
    [ "${#sandboxes[@]}" -gt 0 ] || return 0
    say "removing ${#sandboxes[@]} sandboxes that were left behind"
    docker rm --force "${sandboxes[@]}" >/dev/null
}

stop() {
    stop_server
    if has docker; then remove_sandboxes; fi
    images/engine.sh stop
}

case "${1:-}" in
start | stop) "$1" ;;
*) fail "usage: .ci/server.sh start|stop" ;;
esac
