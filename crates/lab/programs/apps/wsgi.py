"""A WSGI application: the files of a directory, and uploads refused by their size."""
import os
from wsgiref.util import FileWrapper

WWW = os.environ["WWW"]
LARGEST_UPLOAD = 1 << 20


def application(environ, start_response):
    if int(environ.get("CONTENT_LENGTH") or 0) > LARGEST_UPLOAD:
        return answer(start_response, "413 Content Too Large", b"too large\n")
    path = os.path.join(WWW, os.path.basename(environ["PATH_INFO"]))
    if not os.path.isfile(path):
        return answer(start_response, "404 Not Found", b"not found\n")
    start_response("200 OK", [("Content-Length", str(os.path.getsize(path)))])
    return environ.get("wsgi.file_wrapper", FileWrapper)(open(path, "rb"))


def answer(start_response, status, body):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
