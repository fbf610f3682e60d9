#!/usr/bin/env bash
# Provides the root file systems of the languages, as plain directories: for an engine that makes sandboxes without
# Docker. They are made without it, from the same Dockerfiles as the images.
#
#   images/roots.sh [LANGUAGE...]     all of them if none is named; needs root, asks sudo
#
# CAISSON_ROOTS      where they are: target/roots unless told otherwise; the image caisson/x:latest is caisson/x
# CAISSON_AGENT      an agent that is already built (static, for Linux); otherwise cargo builds it
# CAISSON_ZYGOTE     the library for interpreters that is already built; otherwise cargo builds it
# CARGO_TARGET_DIR   as for cargo
#
# A root is built only if something that goes into it changed: <root>.inputs holds a hash of it all, and one of the
# agent, which is replaced where it is. So a new agent costs no installation, and no second tree of each language.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=inputs.sh
. "$(dirname "$0")/inputs.sh"
# shellcheck source-path=SCRIPTDIR source=base/bootstrap.sh
. "$(dirname "$0")/base/bootstrap.sh"

ROOTS="$(realpath -m "${CAISSON_ROOTS:-$ROOT/target/roots}")"
BASE="$ROOTS/base"
# Roots that were replaced while a sandbox had them mounted. Empty unless one has.
RETIRED="$ROOTS/retired"

# ---- our Dockerfiles ------------------------------------------------------------------------------------------------

# run_lines DOCKERFILE INSTRUCTION...: prints what its RUN instructions run, each on one line. Those named are passed
# over, others refused: silently leaving out half of a recipe would make a root that is nearly right.
run_lines() {
    local file="$1"
    shift
    awk -v ignored=" $* " '
        function refuse(why) {
            printf "[caisson] error: %s:%d: %s\n", FILENAME, first, why >"/dev/stderr"
            whole = ""
            exit 1
        }
        function take(text, word, rest) {
            sub(/^[ \t]+/, "", text)
            word = toupper(text)
            sub(/[ \t].*/, "", word)
            rest = substr(text, length(word) + 1)
            sub(/^[ \t]+/, "", rest)
            if (word != "RUN") {
                if (!index(ignored, " " word " ")) refuse(word " cannot be followed without Docker, only RUN can")
            } else if (rest ~ /^(--|\[)/) {
                refuse("RUN is followed as a line for the shell only, without options")
            } else {
                print rest
            }
        }
        /^[ \t]*#/ || /^[ \t]*$/ { next }
        {
            if (whole == "") first = FNR
            more = sub(/\\[ \t]*$/, "")
            whole = whole $0
            if (more) next
            take(whole)
            whole = ""
        }
        END { if (whole != "") refuse("the last line is continued") }
    ' "$file"
}

# The tools of a language, then what makes a sandbox out of them. The agent itself is ours to copy.
recipe() {
    run_lines "$IMAGES/$1/Dockerfile" FROM && run_lines "$IMAGES/agent/Dockerfile" ARG FROM COPY WORKDIR USER
}

# ---- the base -------------------------------------------------------------------------------------------------------

# A directory and its hashes are one: without the latter the former counts for nothing, so these go first and come last.
# put_in_place NEW ROOT INPUTS
put_in_place() {
    rm -f "$2.inputs"
    if [ -e "$2" ]; then mv -T "$2" "$(mktemp -d "$RETIRED/$(basename "$2").XXXXXX")/root"; fi
    mv -T "$1" "$2"
    printf '%s\n' "$3" >"$2.inputs"
}

inputs_of() { if [ -d "$1" ]; then cat "$1.inputs" 2>/dev/null || true; fi; }

provide_base() {
    local inputs new="$WORK/base" begin=$SECONDS
    inputs="$(printf '%s\n' "$(hash_file "$IMAGES/base/bootstrap.sh")" "$(hash_file "$IMAGES/base/docker-clean")" \
        "$MIRROR" "$SECURITY_MIRROR" | hash_text)"
    if [ "$(inputs_of "$BASE" | cut -d' ' -f1)" != "$inputs" ]; then
        say "base: a root from Debian's packages"
        if ! bootstrap directory "$new" 2>"$STATE/roots-base.log"; then
            tail -n 20 "$STATE/roots-base.log" >&2
            fail "could not make a root from Debian's packages (see above, and $STATE/roots-base.log)"
        fi
        # No device in a directory of the host's: every sandbox is given its own.
        find "$new/dev" -mindepth 1 -delete
        # One of another day is another base, even if the same packages are in it: those of the languages may be newer.
        put_in_place "$new" "$BASE" "$inputs $(date +%s)"
        say "base: made in $((SECONDS - begin))s"
    fi
    BASE_ID="$(inputs_of "$BASE" | hash_text)"
}

# ---- languages ------------------------------------------------------------------------------------------------------

# Renamed over the old ones, which a sandbox that is being started may have open.
# put_ours FILE ROOT NAME
put_ours() {
    install -o root -g root -m 0755 "$1" "$2/caisson/.$3.new"
    mv -T "$2/caisson/.$3.new" "$2/caisson/$3"
}
put_agent() {
    put_ours "$AGENT" "$1" agent
    put_ours "$ZYGOTE" "$1" zygote.so
}

# make_root LANGUAGE NEW
make_root() {
    local log="$STATE/roots-$1.log" commands command status=0
    commands="$(recipe "$1")"
    cp -a --reflink=auto "$BASE" "$2"
    : >"$log"
    while IFS= read -r command; do
        # In the background, for the sake of signals: see chroot.sh.
        timeout "$BUILD_PATIENCE" "$IMAGES/chroot.sh" "$2" "$command" >>"$log" 2>&1 9>&- &
        wait $! || status=$?
        [ "$status" -eq 0 ] && continue
        tail -n 30 "$log" >&2
        fail "the root of $1 could not be made (exit code $status; see above, and $log)"
    done <<<"$commands"
    # A read-only root cannot be given its mount points later. The recipe makes the others.
    mkdir -p "$2/proc" "$2/sys" "$2/dev/shm"
    put_agent "$2"
}

# build_root LANGUAGE POSITION
build_root() {
    local root="$ROOTS/caisson/$1" begin=$SECONDS made agent now
    made="$(printf '%s\n' "$BASE_ID" "$(hash_directory "$IMAGES/$1")" "$(hash_directory "$IMAGES/agent")" \
        "$(hash_file "$IMAGES/chroot.sh")" | hash_text)"
    agent="$(cat "$AGENT" "$ZYGOTE" | hash_text)"
    now="$(inputs_of "$root")"
    if [ "$now" = "$made $agent" ]; then
        say "[$2] $root: up to date"
    elif [ -n "$now" ] && [ "${now% *}" = "$made" ]; then
        rm -f "$root.inputs"
        put_agent "$root"
        printf '%s\n' "$made $agent" >"$root.inputs"
        say "[$2] $root: has the new agent"
    else
        say "[$2] $root: installing the toolchain"
        make_root "$1" "$WORK/$1"
        put_in_place "$WORK/$1" "$root" "$made $agent"
        say "[$2] $root: built in $((SECONDS - begin))s"
    fi
}

# ---- what was replaced ----------------------------------------------------------------------------------------------

# A mount keeps a directory, not what is in it. A bound mount is listed under the name that the directory has now; an
# overlay under the one that it had, so that while a language's root is part of any, none that it replaced is taken away.
is_in_use() {
    local language
    language="$(basename "${1%.*}")"
    # Processes come and go meanwhile; what of them cannot be read uses nothing.
    grep -qsE -e " [^ ]*/$(basename "$RETIRED")/$(basename "$1")/" \
        -e "lowerdir=[^ ]*$ROOTS/caisson/$language([:, ]|$)" /proc/[0-9]*/mountinfo
}

remove_retired() {
    local retired
    for retired in "$RETIRED"/*/; do
        retired="${retired%/}"
        [ -d "$retired" ] || continue
        if is_in_use "$retired"; then
            say "$retired: still used by a sandbox, goes the next time"
        else
            rm -rf --one-file-system "$retired"
        fi
    done
}

# ---- the whole ------------------------------------------------------------------------------------------------------

end() {
    local job
    for job in $(jobs -p); do kill -TERM "$job" 2>/dev/null || true; done
    # Not before the last of them has ended: it may still write.
    wait || true
    rm -rf --one-file-system "$WORK"
}

build_roots() {
    local language number=0
    mkdir -p "$ROOTS/caisson" "$RETIRED"
    # In an image anybody may write to /tmp: nobody on this host.
    chmod 0700 "$ROOTS/caisson"
    exec 9>"$ROOTS/lock"
    flock -w "$BUILD_PATIENCE" 9 || fail "another images/roots.sh has been at work for $((BUILD_PATIENCE / 60)) minutes"
    # Of one that was killed. We have the lock.
    rm -rf --one-file-system "$ROOTS"/.new.*
    WORK="$(mktemp -d "$ROOTS/.new.XXXXXX")"
    trap end EXIT
    provide_base
    for language in "$@"; do
        number=$((number + 1))
        build_root "$language" "$number/$#"
    done
    remove_retired
}

main() {
    local languages=("$@") language
    [ "$#" -gt 0 ] || mapfile -t languages < <(known_languages)
    refuse_unknown "${languages[@]}"
    # Before anything is done: a recipe that cannot be followed.
    for language in "${languages[@]}"; do recipe "$language" >/dev/null || exit 1; done
    mkdir -p "$STATE"
    install_mmdebstrap
    find_agent
    find_zygote
    if [ "$(id -u)" -eq 0 ]; then
        build_roots "${languages[@]}"
    else
        # Cargo worked as the user, so that what it built is the user's; the rest is root's.
        as_root env CAISSON_ROOTS="$ROOTS" CAISSON_AGENT="$(realpath "$AGENT")" CAISSON_ZYGOTE="$(realpath "$ZYGOTE")" \
            CAISSON_DEBIAN_MIRROR="$MIRROR" CAISSON_DEBIAN_SECURITY_MIRROR="$SECURITY_MIRROR" "$0" "${languages[@]}"
    fi
}

main "$@"
