p $0, ARGV
