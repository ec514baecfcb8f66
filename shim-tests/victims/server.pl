# Serves three connections, the last in a child.
use strict;
use warnings;
use IO::Socket::INET;

alarm 60;
$| = 1;
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;
print 'port ', $listener->sockport, "\n";

sub serve {
    my ($conn) = @_;
    my (undef, $response) = split ' ', <$conn>;
    print $conn join '', map { chr($_ % 251) } 0 .. $response - 1;
    close $conn;
}

for (1 .. 2) { serve(scalar $listener->accept) }
my $conn = $listener->accept;
my $child = fork;
if ($child == 0) { serve($conn); exit 0 }
close $conn;
waitpid $child, 0;
print "child: $?\n";
exit 7;
