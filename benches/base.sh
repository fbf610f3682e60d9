#!/usr/bin/env bash
# A checkout of a revision in target/base, built for release: what `make bench-compare` compares with.
set -euo pipefail
cd "$(dirname "$0")/.."

revision=$(git rev-parse --verify --quiet "${1:?say which revision to compare with: BASE=v0.1 or BASE=HEAD~1}^{commit}") || {
    echo "there is no revision \`$1\`" >&2
    exit 1
}
tree=target/base
if [ -e "$tree/.git" ]; then
    git -C "$tree" checkout --quiet --detach "$revision"
else
    git worktree prune
    git worktree add --quiet --detach "$tree" "$revision"
fi
cargo build --release --manifest-path "$tree/Cargo.toml" --target-dir "$tree/target"
