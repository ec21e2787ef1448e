"""A stand-in for a gateway: a server in this process that answers what a test says."""

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

ANSWER: TypeAlias = tuple[int, str, str] | None
"""Status, content type and body; None: close the connection without an answer."""


@contextmanager
def gateway_like(
    answer: Callable[[Mapping[str, str]], ANSWER], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The URL of a server that answers each request by what `answer` makes of its headers.

    Its path is the header :path, as in HTTP/2.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = answer({**self.headers, ":path": self.path})
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
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


def json_answer(lane: str | None, *hops: str, status: int = 200) -> ANSWER:
    """Return the answer of a chain of hops, each "service version", all in `lane`."""
    tree: dict[str, object] = {}
    for hop in reversed(hops):
        name, version = hop.split()
        inner = [tree] if tree else []
        tree = {"name": name, "version": version, "ip": "::1", "lane": lane, "upstreams": inner}
    return status, "application/json", json.dumps(tree)


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """Return TLS for a server called `name`, and the file of its authority."""
    authority = ["-CA", "ca.pem", "-CAkey", "ca.key"]
    for file, subject, more in (
        ("ca", "an authority of its own", ["-addext", "basicConstraints=critical,CA:TRUE"]),
        ("own", name, ["-addext", f"subjectAltName=DNS:{name}", *authority]),
    ):
        made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={subject}"]
        files = ["-keyout", f"{file}.key", "-out", f"{file}.pem"]
        command = ["openssl", "req", *made, *files, *more]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    return context, str(folder / "ca.pem")
