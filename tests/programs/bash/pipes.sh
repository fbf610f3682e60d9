printf '%s\n' c a b | sort | tr '\n' ' '
exit 3
