#!/usr/bin/env bash
# Builds the images of the languages: debian:trixie-slim -> caisson/<language>-toolchain -> caisson/<language>.
#
#   images/build.sh [LANGUAGE...]     all of them if none is named
#
# CAISSON_AGENT      an agent that is already built (static, for Linux); otherwise cargo builds it
# CARGO_TARGET_DIR   as for cargo
#
# An image is built only if something that goes into it changed: its label caisson.inputs holds a hash of all of it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=inputs.sh
. "$(dirname "$0")/inputs.sh"

BASE=debian:trixie-slim
LABEL=caisson.inputs
# The classic builder is in every Docker and needs no plugin; BuildKit would also ask a registry for the base.
export DOCKER_BUILDKIT=0

# ---- what an image was made from -------------------------------------------------------------------------------------

image_id() { docker image inspect --format '{{.Id}}' "$1"; }
image_inputs() { docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null || true; }

# ---- building -------------------------------------------------------------------------------------------------------

# docker_build TAG INPUTS CONTEXT [OPTION...]: quiet unless it fails.
docker_build() {
    local tag="$1" inputs="$2" context="$3" log status=0
    shift 3
    log="$STATE/build-$(basename "${tag%:*}").log"
    timeout "$BUILD_PATIENCE" docker build --force-rm --tag "$tag" --label "$LABEL=$inputs" "$@" "$context" \
        >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] && return
    tail -n 30 "$log" >&2
    fail "$tag could not be built (exit code $status; see above, and $log)"
}

# The toolchain is an image of its own, so that a new agent does not install compilers again.
# build_toolchain LANGUAGE POSITION
build_toolchain() {
    local tag="caisson/$1-toolchain:latest" directory="$IMAGES/$1" inputs
    inputs="$(printf '%s\n' "$(hash_directory "$directory")" "$BASE_ID" | hash_text)"
    [ "$(image_inputs "$tag")" = "$inputs" ] && return
    say "[$2] caisson/$1: installing the toolchain"
    docker_build "$tag" "$inputs" "$directory"
}

# build_language LANGUAGE POSITION
build_language() {
    local tag="caisson/$1:latest" toolchain="caisson/$1-toolchain:latest" begin=$SECONDS inputs
    build_toolchain "$1" "$2"
    inputs="$(printf '%s\n' "$(image_id "$toolchain")" "$AGENT_INPUTS" | hash_text)"
    if [ "$(image_inputs "$tag")" = "$inputs" ]; then
        say "[$2] caisson/$1: up to date"
        return
    fi
    docker_build "$tag" "$inputs" "$CONTEXT" --build-arg "TOOLCHAIN=$toolchain"
    say "[$2] caisson/$1: built in $((SECONDS - begin))s"
}

# Only what carries our label: the images that a rebuild has just deprived of their name. One that a sandbox still uses
# stays and goes the next time.
remove_replaced() { docker image prune --force --filter "label=$LABEL" >/dev/null; }

prepare_context() {
    CONTEXT="$(mktemp -d "$STATE/agent-context.XXXXXX")"
    trap 'rm -rf "$CONTEXT"' EXIT
    cp "$IMAGES/agent/Dockerfile" "$CONTEXT/"
    install -m 0755 "$AGENT" "$CONTEXT/caisson-agent"
}

main() {
    local languages=("$@") language number=0
    [ "$#" -gt 0 ] || mapfile -t languages < <(known_languages)
    refuse_unknown "${languages[@]}"
    mkdir -p "$STATE"
    exec 9>"$STATE/images.lock"
    flock -w "$BUILD_PATIENCE" 9 || fail "another images/build.sh has been at work for $((BUILD_PATIENCE / 60)) minutes"
    "$IMAGES/engine.sh" ensure
    "$IMAGES/base/build.sh"
    BASE_ID="$(image_id "$BASE")"
    find_agent
    AGENT_INPUTS="$(hash_file "$AGENT") $(hash_directory "$IMAGES/agent")"
    prepare_context
    for language in "${languages[@]}"; do
        number=$((number + 1))
        build_language "$language" "$number/${#languages[@]}"
    done
    remove_replaced
}

main "$@"
