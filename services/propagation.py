"""Does baggage pass through this process? Asked by trying, not by looking at versions.

The instrumentation may be missing, switched off, or broken by the packages that were injected
around it, and then lanes are lost without an error anywhere.
"""

import contextvars
import io
import logging

import flask
import requests
from opentelemetry import baggage, context
from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

VALUE = "probe"


class LoopbackAdapter(BaseAdapter):
    """Hands a request to a Flask app in this process instead of sending it."""

    def __init__(self, app: flask.Flask) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        """Answer with what the app answers; the request's context does not leak into it."""
        client = self._app.test_client()
        headers = dict(request.headers)
        # As a server does, which takes each request in a context of its own.
        answer = contextvars.Context().run(client.get, "/", headers=headers)
        response = requests.Response()
        response.request = request
        response.status_code = answer.status_code
        response.raw = io.BytesIO(answer.data)
        return response

    def close(self) -> None:
        """Nothing to release."""


def is_active(member: str) -> bool:
    """Whether the baggage ``member`` of a request's context arrives at the service it calls."""
    app = flask.Flask("services.propagation", static_folder=None)
    app.add_url_rule("/", "lane", lambda: str(baggage.get_baggage(member)))
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", LoopbackAdapter(app))
    token = context.attach(baggage.set_baggage(member, VALUE))
    try:
        return session.get("http://localhost/").text == VALUE
    except Exception:
        # Foreign code of any version runs here: whatever it raises, baggage does not pass.
        log.exception("the trial of baggage propagation failed")
        return False
    finally:
        context.detach(token)
