# A Mojolicious::Lite application: the files of a directory, and its own bound of a request's size.
use Mojolicious::Lite -signatures;

app->static->paths([$ENV{WWW}]);
app->max_request_size(1 << 20);
app->log->level('warn');
post '/reject' => sub ($c) {
    return $c->render(text => "too large\n", status => 413) if $c->req->is_limit_exceeded;
    $c->rendered(204);
};
app->start;
