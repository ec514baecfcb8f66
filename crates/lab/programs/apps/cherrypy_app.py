"""A CherryPy application: cherrypy_app.py PORT DIRECTORY."""
import sys

import cherrypy

LARGEST_UPLOAD = 1 << 20

port, directory = int(sys.argv[1]), sys.argv[2]
cherrypy.config.update({
    "server.socket_host": "127.0.0.1",
    "server.socket_port": port,
    "server.max_request_body_size": LARGEST_UPLOAD,
    "checker.on": False,
})
files = {"tools.staticdir.on": True, "tools.staticdir.dir": directory}
cherrypy.quickstart(None, "/", {"/": files})
