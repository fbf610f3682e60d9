DATA.each_line { |line| puts line.upcase }
__END__
one
two
