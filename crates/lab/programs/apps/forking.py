"""http.server with a process for each connection: forking.py PORT DIRECTORY."""
import functools
import http.server
import socketserver
import sys


class ForkingHTTPServer(socketserver.ForkingMixIn, http.server.HTTPServer):
    pass


port, directory = int(sys.argv[1]), sys.argv[2]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
with ForkingHTTPServer(("127.0.0.1", port), handler) as server:
    server.serve_forever()
