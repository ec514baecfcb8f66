"""A Flask application: the files of a directory, and uploads refused by their size."""
import os

import flask

app = flask.Flask(__name__, static_folder=os.environ["WWW"], static_url_path="/")
LARGEST_UPLOAD = 1 << 20


@app.post("/reject")
def upload():
    if flask.request.content_length > LARGEST_UPLOAD:
        flask.abort(413)
    return "", 204
