echo "$GREETING"; env | cut -d= -f1 | sort | tr '\n' ' '
