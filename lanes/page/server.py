"""The page over HTTP: for browsers on this machine, and for pages of its own only."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import flask
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, UnsupportedMediaType
from werkzeug.serving import WSGIRequestHandler, make_server

from lanes.envoy import Json
from lanes.errors import LanesError
from lanes.page.live import Live

# Nothing from elsewhere, nothing inline; and in no frame, where clicks could be led astray.
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STATIC = Path(__file__).parent / "static"


def create_app(live: Live, port: int) -> flask.Flask:
    """The page at `port` of this machine, as a WSGI application.

    A request has to name this machine as its host, so that no name that leads here from elsewhere
    gets an answer; and one that changes something has to come from this page, and be JSON.
    """
    app = flask.Flask("lanes.page", static_folder=str(_STATIC), static_url_path="/static")
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.config["MAX_CONTENT_LENGTH"] = 65_536
    origins = {f"http://{host}:{port}" for host in ("127.0.0.1", "localhost")}

    @app.before_request
    def check() -> None:
        request = flask.request
        _ = request.host  # raises for one that is not trusted
        told = request.headers
        led = told.get("Sec-Fetch-Mode") == "navigate"
        if told.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and not led:
            raise Forbidden("no other page reads anything here")
        if request.method in ("GET", "HEAD"):
            return
        if request.headers.get("Origin") not in origins:
            raise Forbidden("only the page itself changes anything")
        if not request.is_json:
            raise UnsupportedMediaType("only JSON changes anything")

    @app.after_request
    def protect(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[str, int, dict[str, str]]:
        return f"{error.description}\n", error.code or 500, {"Content-Type": "text/plain"}

    @app.errorhandler(LanesError)
    def say(error: LanesError) -> tuple[str, int, dict[str, str]]:
        return f"{error}\n", 409, {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/")
    def page() -> flask.Response:
        return app.send_static_file("index.html")

    @app.get("/events")
    def events() -> flask.Response:
        stream = (f"data: {picture}\n\n" for picture in live.pictures())
        return flask.Response(stream, mimetype="text/event-stream")

    pods: dict[str, Callable[[str], None]] = {
        "stop": live.stop,
        "kill": live.kill,
        "start": live.begin,
    }

    @app.post("/pods")
    def pod() -> tuple[str, int]:
        told = _body(pod=str, do=str)
        if told["do"] not in pods:
            raise BadRequest(f"do is one of {', '.join(pods)}")
        pods[told["do"]](told["pod"])
        return "", 204

    @app.post("/fault")
    def fault() -> tuple[str, int]:
        told = _body(pod=str, delay=str, rate=float)
        live.set_fault(told["pod"], told["delay"], told["rate"])
        return "", 204

    @app.post("/weights")
    def weights() -> tuple[str, int]:
        told = _body(weights=dict)["weights"]
        if not all(type(weight) is int for weight in told.values()):
            raise BadRequest("a weight is a whole number")
        live.set_weights(told)
        return "", 204

    @app.post("/load")
    def load() -> tuple[str, int]:
        told = _body(on=bool, rate=int)
        live.switch_load(told["on"], told["rate"])
        return "", 204

    return app


def _body(**kinds: type) -> Json:
    """The request's JSON object, which has these keys of these kinds and no other."""
    told = flask.request.get_json()
    if not isinstance(told, dict) or told.keys() != kinds.keys():
        raise BadRequest(f"the body has to be an object with {', '.join(kinds)}")
    for name, kind in kinds.items():
        if kind is float and type(told[name]) is int:
            told[name] = float(told[name])
        if type(told[name]) is not kind:
            raise BadRequest(f"{name} is not a {kind.__name__}")
    return told


class _Quiet(WSGIRequestHandler):
    """HTTP/1.1, and no line for each request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Keep it."""


@contextmanager
def serve(live: Live, port: int) -> Iterator[str]:
    """The page at `port` of 127.0.0.1, by its URL, until the block ends.

    Raises LanesError where somebody else has the port.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError as error:
            raise LanesError(
                f"port {port}: {error.strerror}; choose another with --page-port"
            ) from None
        app = create_app(live, port)
        server = make_server(
            "127.0.0.1", port, app, threaded=True, request_handler=_Quiet, fd=listener.fileno()
        )
    live.start()
    Thread(target=server.serve_forever, name="page", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.shutdown()
