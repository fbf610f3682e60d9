print STDERR "oops\n";
exit 3;
