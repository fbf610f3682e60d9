print map { uc } <DATA>;
__DATA__
one
two
