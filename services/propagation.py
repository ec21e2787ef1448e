"""Does baggage pass through this process? Asked by trying, not by looking at versions.

The instrumentation may be missing, switched off, or broken by the packages that were injected
around it, and then lanes are lost without an error anywhere.
"""

import contextvars
import io
import logging

import flask
import requests
from opentelemetry import baggage, context, trace
from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

VALUE = "probe"
# A parent that is not sampled, so that the trial leaves no span with a collector.
UNSAMPLED = trace.NonRecordingSpan(trace.SpanContext(trace_id=1, span_id=1, is_remote=True))


def is_active(app: flask.Flask, member: str) -> bool:
    """Whether the baggage ``member`` goes out with a call and is found where the call arrives.

    ``app`` receives the call in memory: no socket is opened and no view runs. The headers go
    from the client's instrumentation to the server's unseen.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", Loopback(app, member))
    ours = baggage.set_baggage(member, VALUE, trace.set_span_in_context(UNSAMPLED))
    token = context.attach(ours)
    try:
        return session.get("http://localhost/").text == VALUE
    except Exception:
        # Foreign code of any version runs here: whatever it raises, baggage does not pass.
        log.exception("the trial of baggage propagation failed")
        return False
    finally:
        context.detach(token)


class Loopback(BaseAdapter):
    """Lets ``app`` begin the request instead of sending it; answers the baggage member found."""

    def __init__(self, app: flask.Flask, member: str) -> None:
        super().__init__()
        self._app = app
        self._member = member

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        """Answer 200, with the member's value as the body."""
        response = requests.Response()
        response.status_code = 200
        # In a context of its own, as on a server: the caller's would hold the answer already.
        found = contextvars.Context().run(self._receive, dict(request.headers))
        response.raw = io.BytesIO(found.encode())
        return response

    def _receive(self, headers: dict[str, str]) -> str:
        with self._app.test_request_context("/", headers=headers):
            self._app.preprocess_request()
            return str(baggage.get_baggage(self._member))

    def close(self) -> None:
        """Nothing to release."""
