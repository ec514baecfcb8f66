"""A WSGI application on gevent's server: gevent_app.py PORT."""
import sys

from gevent import monkey, pywsgi

monkey.patch_all()

import wsgi  # noqa: E402

pywsgi.WSGIServer(("127.0.0.1", int(sys.argv[1])), wsgi.application).serve_forever()
