# shellcheck shell=bash
# What images and root file systems are made from: the languages, the agent, and how it is told that neither changed.
# Sourced after lib.sh, never run.

IMAGES="$ROOT/images"
# Some hundred MB of packages over a slow line; longer than this and the mirror has died.
# shellcheck disable=SC2034 # for those who source this
BUILD_PATIENCE=1800

# ---- languages ------------------------------------------------------------------------------------------------------

# A language is a directory with a Dockerfile, so adding one does not touch this file.
known_languages() {
    local dockerfile language
    for dockerfile in "$IMAGES"/*/Dockerfile; do
        language="$(basename "$(dirname "$dockerfile")")"
        [ "$language" = agent ] || printf '%s\n' "$language"
    done
}

refuse_unknown() {
    local known language
    known="$(known_languages)"
    for language in "$@"; do
        grep -qxF -- "$language" <<<"$known" ||
            fail "unknown language '$language'; there are: $(tr '\n' ' ' <<<"$known")"
    done
}

# ---- the agent ------------------------------------------------------------------------------------------------------

build_agent() {
    local triple target
    triple="$(uname -m)-unknown-linux-gnu"
    target="${CARGO_TARGET_DIR:-$ROOT/target}"
    has cargo || fail "cargo is missing: install Rust (https://rustup.rs), or name a built agent in CAISSON_AGENT"
    say "agent: cargo build --release -p caisson-agent"
    # Static, because an image may have any C library or none. The explicit --target keeps these flags away from build
    # scripts and the result away from an ordinary build's.
    (cd "$ROOT" && RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
        cargo build --quiet --release -p caisson-agent --target "$triple" 9>&-) || fail "the agent does not compile"
    AGENT="$target/$triple/release/caisson-agent"
}

find_agent() {
    if [ -n "${CAISSON_AGENT:-}" ]; then
        AGENT="$CAISSON_AGENT"
        say "agent: $AGENT"
    else
        build_agent
    fi
    [ -f "$AGENT" ] || fail "no agent at $AGENT"
    # A dynamic one would start here and fail in an image with another C library.
    ! ldd "$AGENT" 2>/dev/null | grep -q '=>' || fail "the agent $AGENT is not statically linked"
}

# Where languages fork their interpreter: a library that it loads, with the C library of the image, which must not be older than
# that of the machine it is built on.
find_zygote() {
    ZYGOTE="${CAISSON_ZYGOTE:-}"
    if [ -z "$ZYGOTE" ]; then
        say "zygote: cargo build --release -p caisson-zygote"
        (cd "$ROOT" && cargo build --quiet --release -p caisson-zygote 9>&-) || fail "the zygote does not compile"
        ZYGOTE="${CARGO_TARGET_DIR:-$ROOT/target}/release/libcaisson_zygote.so"
    fi
    [ -f "$ZYGOTE" ] || fail "no zygote at $ZYGOTE"
}

# ---- hashes ---------------------------------------------------------------------------------------------------------

hash_text() { sha256sum | cut -d' ' -f1; }
hash_file() { sha256sum <"$1" | cut -d' ' -f1; }
hash_directory() {
    (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | hash_text
}
