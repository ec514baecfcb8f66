# HTTP::Daemon, as its manual has it: daemon.pl PORT DIRECTORY [fork].
use strict;
use warnings;
use HTTP::Daemon;
use HTTP::Status qw(RC_NOT_FOUND RC_REQUEST_ENTITY_TOO_LARGE);
use File::Basename qw(basename);
use constant LARGEST_UPLOAD => 1 << 20;

my ($port, $directory, $forks) = @ARGV;
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1, Listen => 128) or die $@;
$SIG{CHLD} = 'IGNORE';

while (my $client = $daemon->accept) {
    next if $forks && fork;
    serve($client);
    exit if $forks;
} continue {
    $client->close;
}

sub serve {
    my ($client) = @_;
    while (my $request = $client->get_request(1)) {
        if (($request->header('Content-Length') // 0) > LARGEST_UPLOAD) {
            $client->send_error(RC_REQUEST_ENTITY_TOO_LARGE);
            last;
        }
        $client->send_file_response("$directory/" . basename($request->uri->path));
    }
}
