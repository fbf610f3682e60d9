#!/usr/bin/env bash
# Installs the named programs from the distribution's packages, if they are missing. No service is started.
#
#   .ci/tools.sh build     what cargo needs besides Rust: a linker and the C library's files
#   .ci/tools.sh curl prometheus wrk
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../images/lib.sh
. "$(dirname "$0")/../images/lib.sh"

# The packages that TOOL needs and that are not there.
missing_packages() {
    case "$1" in
    build)
        has cc || echo gcc
        # Links the server; its libc.a goes into the static agent.
        [ -e /usr/include/stdio.h ] || echo libc6-dev
        ;;
    # Without the certificates curl is of no use for https.
    curl) has curl || echo curl ca-certificates ;;
    # One package for both.
    prometheus | promtool) has "$1" || echo prometheus ;;
    # Another clock for one program. A library, and no program that could be asked for.
    faketime) compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || echo libfaketime ;;
    # Turns the drawn dashboards into small pictures.
    rsvg-convert) has rsvg-convert || echo librsvg2-bin fonts-dejavu-core ;;
    pngquant | crun | make | runsc | wrk) has "$1" || echo "$1" ;;
    *) fail "unknown tool '$1'; there are: build crun curl faketime make pngquant prometheus promtool rsvg-convert runsc wrk" ;;
    esac
}

main() {
    local packages=() tool missing
    for tool in "$@"; do
        missing="$(missing_packages "$tool")"
        # shellcheck disable=SC2206 # package names hold no blanks
        packages+=($missing)
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    mkdir -p "$STATE"
    apt_refresh "${packages[*]}"
    apt_install "${packages[@]}"
    # We came for the programs. A Prometheus that starts with the next boot would be a surprise.
    if [[ " ${packages[*]} " == *" prometheus "* ]] && systemd_is_init; then
        as_root systemctl disable --quiet prometheus || true
    fi
}

main "$@"
