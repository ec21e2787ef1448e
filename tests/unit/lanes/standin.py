"""A stand-in for a gateway: a server in this process that answers what a test says."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

ANSWER: TypeAlias = tuple[int, str, str] | None
"""Status, content type and body; None hangs up without a word."""


@contextmanager
def gateway_like(answer: Callable[[Mapping[str, str]], ANSWER]) -> Iterator[str]:
    """The URL of a server that answers each request by what `answer` makes of its headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = answer(dict(self.headers))
            if told is None:
                return
            status, kind, body = told
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


def json_answer(lane: str | None, *hops: str, status: int = 200) -> ANSWER:
    """The answer of a chain of hops, each "service version", all in `lane`."""
    tree: dict[str, object] = {}
    for hop in reversed(hops):
        name, version = hop.split()
        inner = [tree] if tree else []
        tree = {"name": name, "version": version, "ip": "::1", "lane": lane, "upstreams": inner}
    return status, "application/json", json.dumps(tree)
