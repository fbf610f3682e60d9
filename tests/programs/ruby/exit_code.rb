warn "oops"
exit 3
