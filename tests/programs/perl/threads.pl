use threads;

my @threads = map { my $n = $_; threads->create(sub { $n * $n }) } 1 .. 4;
print join(",", map { $_->join } @threads), "\n";
