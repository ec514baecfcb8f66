# A PSGI application: the files of a directory, and uploads refused by their size.
use strict;
use warnings;
use Plack::App::File;
use constant LARGEST_UPLOAD => 1 << 20;

my $files = Plack::App::File->new(root => $ENV{WWW})->to_app;

sub {
    my ($env) = @_;
    return $files->($env) if ($env->{CONTENT_LENGTH} // 0) <= LARGEST_UPLOAD;
    return [413, ['Content-Type' => 'text/plain', 'Content-Length' => 10], ["too large\n"]];
};
