"""The page over HTTP, for browsers on this machine. Other pages can neither read nor change it."""

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

# The page loads nothing from elsewhere and nothing inline. No frame may show it (clickjacking).
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STATIC = Path(__file__).parent / "static"


def create_app(live: Live, port: int) -> flask.Flask:
    """Return the page at `port` of this machine, as a WSGI application.

    A request's host has to be this machine, which defeats DNS rebinding. A request that changes
    something has to come from this page and be JSON, which defeats cross-site requests.
    """
    app = flask.Flask("lanes.page", static_folder=str(_STATIC), static_url_path="/static")
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.config["MAX_CONTENT_LENGTH"] = 65_536
    origins = {f"http://{host}:{port}" for host in ("127.0.0.1", "localhost")}

    @app.before_request
    def check() -> None:
        request = flask.request
        _ = request.host  # raises if it is not trusted
        headers = request.headers
        followed_link = headers.get("Sec-Fetch-Mode") == "navigate"
        site = headers.get("Sec-Fetch-Site", "none")
        if site not in ("none", "same-origin") and not followed_link:
            raise Forbidden("other pages cannot read this page")
        if request.method in ("GET", "HEAD"):
            return
        if headers.get("Origin") not in origins:
            raise Forbidden("only the page itself can change the mesh")
        if not request.is_json:
            raise UnsupportedMediaType("the body has to be JSON")

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
    def explain(error: LanesError) -> tuple[str, int, dict[str, str]]:
        return f"{error}\n", 409, {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/")
    def page() -> flask.Response:
        return app.send_static_file("index.html")

    @app.get("/events")
    def events() -> flask.Response:
        stream = (f"data: {picture}\n\n" for picture in live.pictures())
        return flask.Response(stream, mimetype="text/event-stream")

    pods = {"stop": live.stop_pod, "kill": live.kill_pod, "start": live.start_pod}

    def change_pod(pod: str, do: str) -> None:
        if do not in pods:
            raise BadRequest(f"do is one of {', '.join(pods)}")
        pods[do](pod)

    def set_weights(weights: Json) -> None:
        if not all(type(weight) is int for weight in weights.values()):
            raise BadRequest("a weight is a whole number")
        live.set_weights(weights)

    _add_change(app, "/pods", change_pod, pod=str, do=str)
    _add_change(app, "/fault", live.set_fault, pod=str, delay=str, rate=float)
    _add_change(app, "/weights", set_weights, weights=dict)
    _add_change(app, "/load", live.switch_load, on=bool, rate=int)
    return app


def _add_change(app: flask.Flask, path: str, change: Callable[..., None], **kinds: type) -> None:
    """Call `change` for a POST to `path`, with the values of its JSON body."""

    def handle() -> tuple[str, int]:
        change(**_body(**kinds))
        return "", 204

    app.post(path, endpoint=path)(handle)


def _body(**kinds: type) -> Json:
    """Return the request's JSON object. Raises BadRequest unless it has these keys and types."""
    body = flask.request.get_json()
    if not isinstance(body, dict) or body.keys() != kinds.keys():
        raise BadRequest(f"the body has to be an object with {', '.join(kinds)}")
    for name, kind in kinds.items():
        if kind is float and type(body[name]) is int:
            body[name] = float(body[name])
        if type(body[name]) is not kind:
            raise BadRequest(f"{name} is not a {kind.__name__}")
    return body


class _QuietHandler(WSGIRequestHandler):
    """A handler of HTTP/1.1 that logs nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Do nothing."""


@contextmanager
def serve(live: Live, port: int) -> Iterator[str]:
    """Serve the page at `port` of 127.0.0.1 until the block ends, and yield its URL.

    Raises LanesError if nothing can listen there.
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
            "127.0.0.1",
            port,
            app,
            threaded=True,
            request_handler=_QuietHandler,
            fd=listener.fileno(),
        )
    live.start()
    Thread(target=server.serve_forever, name="page", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.shutdown()
