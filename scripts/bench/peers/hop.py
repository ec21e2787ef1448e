"""A minimal hop: a Flask route that calls the next hop with `requests`.

It has no instrumentation, so no lanes, and no metrics, limits or retries. It uses one session, as
the documentation of `requests` advises.
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
