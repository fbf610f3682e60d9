#!/bin/sh
# Compiles and runs the programs of one language, and writes down all that can be seen of it. In a container of the
# language's image.
#
#   every.sh cheaply|plainly     /programs/commands has lines "NAME COMMAND..."; what became of each is /results/NAME.*
set -u
compiler="$(g++ -print-prog-name=cc1plus 2>/dev/null || true)"
plain="${compiler%/*}/plain"

# As Debian ships it.
if [ "$1" = plainly ]; then
    rm /usr/local/bin/ld || exit 1
    if [ -d "$plain" ]; then mv "$plain/cc1plus" "$compiler" || exit 1; fi
fi

while read -r name command; do
    rm -rf /work
    mkdir /work
    cd /work || exit 1
    cp "/programs/$name" "main.${name##*.}"
    result="/results/$name"
    sh -c "$command" >"$result.compile.stdout" 2>"$result.compile.stderr" </dev/null
    echo $? >"$result.compile.status"
    if [ -x main ]; then
        timeout 20 ./main >"$result.run.stdout" 2>"$result.run.stderr" </dev/null
        echo $? >"$result.run.status"
    fi
    # Which headers were taken as they lie prepared. Of the plain way nobody asks.
    if [ "$1" = cheaply ] && grep -q '^// header: ' "/programs/$name"; then
        sh -c "$command -B$plain/ -isystem /usr/lib/prepared -fsyntax-only -H" 2>&1 </dev/null | grep '^! ' >"$result.headers"
    fi
done </programs/commands
# Names of files that exist for a moment are made up each time, and so are addresses of stacks.
sed -i -E "s/\bcc[A-Za-z0-9]{6}\b/ccNNNNNN/g; s/0x7[0-9a-f]{11}/0xNNN/g" /results/*.stderr /results/*.stdout
# Where the linker lies, the compiler tells whoever asks what it calls.
sed -i "s:/usr/local/bin/ld:/usr/bin/ld:g" /results/*.compile.stderr
chmod -R a+rwX /results
