# shellcheck shell=bash
# A minimal Debian from its own packages, by mmdebstrap: what every root file system starts from, and every image where
# no registry answers. Sourced after lib.sh, never run.

SUITE=trixie
MIRROR="${CAISSON_DEBIAN_MIRROR:-http://deb.debian.org/debian}"
SECURITY_MIRROR="${CAISSON_DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}"

# The keyring is refreshed along with it: an old one does not know the suite's keys, and signatures are not optional.
install_mmdebstrap() {
    has mmdebstrap && [ -r /usr/share/keyrings/debian-archive-keyring.gpg ] && return
    apt_refresh mmdebstrap
    apt_install mmdebstrap debian-archive-keyring
}

# The options for dpkg and apt stay in the image, so the packages of the languages come without documents as well.
# bootstrap tar|directory TARGET
# shellcheck disable=SC2016 # "$1" is for the hooks' shell: the new root
bootstrap() {
    as_root mmdebstrap --quiet --variant=minbase --format="$1" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/lintian/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-include=/usr/share/locale/locale.alias' \
        --dpkgopt='force-unsafe-io' \
        --aptopt='Acquire::Languages "none"' \
        --aptopt='Acquire::GzipIndexes "true"' \
        --aptopt='APT::AutoRemove::SuggestsImportant "false"' \
        --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/ldconfig/* "$1"/var/log/*.log "$1"/var/log/apt/*' \
        --customize-hook="copy-in $ROOT/images/base/docker-clean /etc/apt/apt.conf.d" \
        --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
        "$SUITE" "$2" \
        "deb $MIRROR $SUITE main" \
        "deb $MIRROR $SUITE-updates main" \
        "deb $SECURITY_MIRROR $SUITE-security main"
}
