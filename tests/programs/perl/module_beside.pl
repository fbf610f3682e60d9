use lib ".";
use Package::Helper qw(greet);

print greet(), "\n";
