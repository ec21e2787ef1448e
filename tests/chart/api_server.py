"""A stand-in for the Kubernetes API that Helm installs to: it keeps what it is sent, in order.

Just enough for `helm install`, `upgrade` and `uninstall`, on loopback; nothing runs there.
"""

import json
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import yaml

from tests.chart.cluster import discovery
from tests.chart.rendering import CHART, Resource, Values, helm


@dataclass
class ApiServer:
    """Objects by their path, in the order in which they were made, and what Helm asked for."""

    url: str = ""
    objects: dict[str, Resource] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def helm(
        self, command: str, *options: str, values: Values | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run helm for release `demo`: install and upgrade take the chart and these values."""
        chart = [str(CHART), "--values", "-", "--disable-openapi-validation"]
        given = chart if command in {"install", "upgrade"} else []
        return helm(
            *command.split(), "demo", *given, *options, "--kube-apiserver", self.url, values=values
        )

    def there(self) -> list[tuple[str, str]]:
        """Kind and name of the objects, but for Helm's own."""
        return [
            (item["kind"], item["metadata"]["name"])
            for item in self.objects.values()
            if item["kind"] != "Secret"
        ]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Resource]:
        path = urlsplit(target).path
        self.asked.append((method, path))
        if method == "POST":
            item = _read(body)
            path = f"{path}/{item['metadata']['name']}"
            if path in self.objects:
                return 409, _status("AlreadyExists", 409)
        elif method in {"PATCH", "PUT"}:
            item = _read(body)
        elif method == "DELETE":
            found = self.objects.pop(path, None)
            return (200, found) if found else (404, _status("NotFound", 404))
        elif found := self.objects.get(path) or discovery().get(path):
            return 200, found
        else:
            below = [o for p, o in self.objects.items() if p.rpartition("/")[0] == path]
            if not below:
                return 404, _status("NotFound", 404)
            kind, api = f"{below[0]['kind']}List", below[0]["apiVersion"]
            return 200, {"apiVersion": api, "kind": kind, "metadata": {}, "items": below}
        self.objects[path] = self.objects.get(path, {}) | item
        return 200, self.objects[path]


def _read(body: bytes) -> Resource:
    """An object as Helm sends it: YAML, JSON, or a Secret of its own books in protobuf."""
    if not body.startswith(b"k8s\0"):
        loaded: Resource = yaml.safe_load(body)
        return loaded
    secret = _fields(_fields(body[4:])[2][0])
    metadata = _fields(secret[1][0])
    data = {key: b64encode(value).decode() for key, value in _map(secret[2]).items()}
    labels = {key: value.decode() for key, value in _map(metadata[11]).items()}
    named = {"name": metadata[1][0].decode(), "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": data} | {
        "type": secret[3][0].decode()
    }


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """The fields of a protobuf message that have a length, by number."""
    found: dict[int, list[bytes]] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 128:
                return value

    while at < len(message):
        tag = number()
        size = number()
        if tag & 7 == 2:
            found.setdefault(tag >> 3, []).append(message[at : at + size])
            at += size
    return found


def _map(pairs: list[bytes]) -> dict[str, bytes]:
    return {_fields(p)[1][0].decode(): _fields(p).get(2, [b""])[0] for p in pairs}


def _status(reason: str, code: int) -> Resource:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
    }


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """An API server that holds nothing yet."""
    kept = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, item = kept.answer(self.command, self.path, body)
            said = json.dumps(item).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
