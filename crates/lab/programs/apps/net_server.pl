# A small server of files on Net::Server::Fork: net_server.pl PORT DIRECTORY.
package FileServer;
use strict;
use warnings;
use parent 'Net::Server::Fork';
use constant LARGEST_UPLOAD => 1 << 20;

my ($port, $directory) = splice @ARGV;
__PACKAGE__->run(host => '127.0.0.1', port => $port, ipv => 4, log_level => 1);

sub process_request {
    my ($path, $length) = ('', 0);
    while (my $line = <STDIN>) {
        last if $line =~ /^\r?\n$/;
        $path   = $1 if $line =~ m{^[A-Z]+ \S*/([^/ ]*) };
        $length = $1 if $line =~ /^content-length: *(\d+)/i;
    }
    return answer('413 Content Too Large', "too large\n") if $length > LARGEST_UPLOAD;
    open my $file, '<:raw', "$directory/$path" or return answer('404 Not Found', "not found\n");
    local $/;
    answer('200 OK', <$file>);
}

sub answer {
    my ($status, $body) = @_;
    printf "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", $status, length $body, $body;
}
