#!/usr/bin/env bash
# Provides the image every language starts from: debian:trixie-slim, under the very tag of the official one.
#
# In this order: the tag that is already here; the official image, if a registry answers; one made with mmdebstrap from
# Debian's own packages, for machines that reach a package mirror but no image registry. The last is the same thing in
# all that matters to us: minbase, without manuals, documents and translations, its packages verified against Debian's
# archive keys.
#
#   images/base/build.sh            only if the tag is missing
#   images/base/build.sh refresh    in any case, for the security updates since the last time
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# shellcheck source-path=SCRIPTDIR source=bootstrap.sh
. "$(dirname "$0")/bootstrap.sh"

TAG="debian:$SUITE-slim"

# Without an answer from the registry within this time we make the image ourselves, which takes about as long.
PULL_PATIENCE=10
# With a registry that is known to answer it is only a matter of the line: 30 MB.
PULL_PATIENCE_REACHABLE=180

registry_answers() { has curl && curl -s -o /dev/null -m 5 https://registry-1.docker.io/v2/; }

pull() {
    local patience=$PULL_PATIENCE
    registry_answers && patience=$PULL_PATIENCE_REACHABLE
    say "base: pulling $TAG (at most ${patience}s)"
    timeout "$patience" docker pull -q "$TAG" >/dev/null 2>&1
}

# By way of a file: an import from a pipe succeeds on half an image too, and nobody may ever see that under the tag.
make_it() {
    local tar="$STATE/base.tar"
    say "base: no registry answers; making $TAG from Debian's packages (about 15 s)"
    install_mmdebstrap
    if ! bootstrap tar - >"$tar" 2>"$STATE/mmdebstrap.log"; then
        rm -f "$tar"
        tail -n 20 "$STATE/mmdebstrap.log" >&2
        fail "could not make $TAG (see above, and $STATE/mmdebstrap.log)"
    fi
    docker import --change 'CMD ["bash"]' --change 'LABEL caisson.base=mmdebstrap' "$tar" "$TAG" >/dev/null
    rm -f "$tar"
}

OLD="$(docker image inspect --format '{{.Id}}' "$TAG" 2>/dev/null || true)"
mkdir -p "$STATE"
case "${1:-}" in
'') ;;
refresh) say "base: refreshing" ;;
*) fail "usage: images/base/build.sh [refresh]" ;;
esac

if [ -n "$OLD" ] && [ "${1:-}" != refresh ]; then
    say "base: $TAG is here"
elif pull; then
    say "base: pulled $TAG"
else
    make_it
    say "base: made $TAG"
fi
# A replaced base stays as long as an image is built upon it and leaves with the last of these.
if [ -n "$OLD" ] && [ "$OLD" != "$(docker image inspect --format '{{.Id}}' "$TAG")" ]; then
    docker image rm "$OLD" >/dev/null 2>&1 || true
fi
