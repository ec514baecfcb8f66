%% The httpd of Erlang's inets, with its own bound of a request's size: inets.erl PORT DIRECTORY.
main([Port, Directory]) ->
    {ok, _} = application:ensure_all_started(inets),
    {ok, _} = inets:start(httpd, [
        {bind_address, {127, 0, 0, 1}},
        {port, list_to_integer(Port)},
        {server_name, "localhost"},
        {server_root, Directory},
        {document_root, Directory},
        {max_body_size, 1 bsl 20},
        {modules, [mod_get, mod_head]}
    ]),
    timer:sleep(infinity).
