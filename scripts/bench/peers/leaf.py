"""A minimal last hop: one Flask route under gunicorn's threaded worker."""

import flask

app = flask.Flask(__name__)


@app.get("/")
def answer() -> flask.Response:
    return flask.Response("-> mockc(version: v1, ip: 127.0.0.1)", mimetype="text/plain")
