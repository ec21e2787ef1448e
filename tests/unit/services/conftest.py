"""Real services in separate processes, and upstreams that misbehave."""

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Protocol

import pytest

LOOPBACK = "127.0.0.1"
START_LIMIT = 20.0


@dataclass(frozen=True)
class Response:
    """An HTTP server's response."""

    status: int
    body: str
    headers: http.client.HTTPMessage

    @property
    def tree(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


def get(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Response:
    """Send one request on a separate connection."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=15)
    try:
        connection.request(method, f"/{path}", headers=headers or {})
        response = connection.getresponse()
        return Response(response.status, response.read().decode(), response.headers)
    finally:
        connection.close()


def get_json(url: str, headers: dict[str, str] | None = None) -> Response:
    """Send one request that asks for JSON."""
    return get(url, {"Accept": "application/json", **(headers or {})})


def wait_until(condition: Callable[[], bool], limit: float, what: str) -> None:
    """Poll ``condition``; fail after ``limit`` seconds naming ``what``."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit:g} s: {what}")
        time.sleep(0.01)


@dataclass(frozen=True)
class Ports:
    """The ports of a running service."""

    port: int
    management_port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    def manage(self, path: str) -> Response:
        """Send a request to its management port."""
        return get(f"http://{LOOPBACK}:{self.management_port}/{path}")


@dataclass(frozen=True)
class Service(Ports):
    """A running ``python -m services``."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """Return its standard output and error."""
        return self.output.read_text()

    @property
    def log(self) -> list[Any]:
        """Return its log: a dict for each line."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def workers(self) -> list[int]:
        """Return the master's children."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def is_ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return self.manage("readyz").status == 200
        return False


class Start(Protocol):
    """Starts a service with these environment variables and waits until it is ready."""

    def __call__(self, *command: str, **environ: str) -> Service: ...


def free_ports(number: int) -> list[int]:
    """Return distinct ports that were free a moment ago."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    """Return a port that was free a moment ago."""
    return free_ports(1)[0]


def launch(folder: Path, *command: str, **environ: str) -> Service:
    """Start a service in ``folder`` without waiting; nothing of this environment reaches it."""
    free = free_ports(2)
    port = int(environ.get("port") or free[0])
    defaults = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    management_port = int(environ.get("management_port") or free[1])
    own = {"host": LOOPBACK, "port": str(port), "management_port": str(management_port)}
    output = folder.parent / f"{folder.name}.log"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*command, sys.executable, "-m", "services"],
            env={**defaults, **own, "drain": "0", **environ},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    return Service(port, management_port, process, output)


def stop(service: Service) -> None:
    """Leave nothing of it behind."""
    if service.process.poll() is None:
        workers = service.workers
        service.process.kill()
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    service.process.wait(10)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts services that end with the module."""
    with ExitStack() as stack:

        def start_one(*command: str, **environ: str) -> Service:
            service = launch(tmp_path_factory.mktemp("service"), *command, **environ)
            stack.callback(stop, service)

            def settled() -> bool:
                return service.process.poll() is not None or service.is_ready()

            wait_until(settled, START_LIMIT, "the service is ready")
            assert service.process.poll() is None, service.text
            return service

        yield start_one


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class Upstream:
    """A server that a test controls. ``requests`` has the headers of each request."""

    answer: Answer
    requests: list[Message] = field(default_factory=list)
    url: str = ""


class Serve(Protocol):
    """Starts an upstream whose answers come from a function."""

    def __call__(self, answer: Answer) -> Upstream: ...


def reply(status: int, body: str = "", content_type: str = "text/plain", **headers: str) -> Answer:
    """Return a function that always gives this answer."""

    def write(handler: http.server.BaseHTTPRequestHandler) -> None:
        data = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return write


def held(release: threading.Event, arrived: threading.Event) -> Answer:
    """Return an answer that announces its request and then waits to be released."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        arrived.set()
        release.wait(10)
        reply(200, "-> mockb")(handler)

    return answer


class QuietServer(http.server.ThreadingHTTPServer):
    """Ignores clients that hang up, which is what the tests do."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # of more than these, a connection waits a second to be tried again

    def handle_error(self, *_: object) -> None:
        return


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts upstreams in this process that end with the test."""
    with ExitStack() as stack:

        def serve_one(answer: Answer) -> Upstream:
            upstream = Upstream(answer)

            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self) -> None:
                    upstream.requests.append(self.headers)
                    upstream.answer(self)

                def log_message(self, *_: object) -> None:
                    return

            server = QuietServer((LOOPBACK, 0), Handler)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            upstream.url = f"http://{LOOPBACK}:{server.server_port}/"
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            return upstream

        yield serve_one
