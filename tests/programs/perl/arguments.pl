print "$0: ", join("|", @ARGV), "\n";
