# tries: to break whoever clears up by names: dashes, newlines, spaces, bytes that are no text, the longest there are
# via: judge
# status: accepted,accepted,accepted
shopt -s nullglob dotglob
for place in /work /tmp /dev/shm; do
    for path in "$place"/*; do
        [ "$path" = /work/main.sh ] || found="$found;$(printf %q "$path")"
    done
done
echo "${found:-held}"
long=$(printf 'x%.0s' {1..255})
for place in /work /tmp /dev/shm; do
    cd "$place" || exit 1
    for name in "-rf" "--" $'new\nline' $'\xff\xfe' " " "*" "$long" $'\e[2J' "...." '$(touch /tmp/ran)' ';touch ran'; do
        mkdir -- "./$name" && : > "./$name/$name" && ln -s / "./$name/root" && mkfifo "./$name/fifo"
    done
done 2>/dev/null
exit 0
