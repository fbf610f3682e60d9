use Carp;

sub f { confess "deep" }

f();
