"""The least that a hop can be: a Flask route that calls the next with `requests`.

No instrumentation and so no lanes, no metrics, no limits, no second try. One session, as its
documentation advises.
"""

import os

import flask
import requests
from requests.adapters import HTTPAdapter

app = flask.Flask(__name__)
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=16))


@app.get("/")
def answer() -> flask.Response:
    upstream = session.get(os.environ["upstream_url"], timeout=5)  # noqa: SIM112 as the service
    body = f"-> mock(version: v1, ip: 127.0.0.1){upstream.text}"
    return flask.Response(body, upstream.status_code, mimetype="text/plain")
