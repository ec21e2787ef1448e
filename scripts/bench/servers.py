"""Start the servers that are measured: the service, a peer, or a chain of either."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from lanes.errors import LanesError
from lanes.running.address import free_port
from lanes.running.process import Process
from lanes.running.sample import SERVICE

THREADS = 16  # of a peer
_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Chain:
    """Running processes, and the port of 127.0.0.1 at which the first of them answers."""

    pids: tuple[int, ...]
    port: int


# Takes a port; returns the command and the environment of a server there.
Server = Callable[[int], tuple[Sequence[str], Mapping[str, str]]]


def ours(port: int) -> tuple[Sequence[str], Mapping[str, str]]:
    """The service as in a cluster, with log level warning."""
    ports = {"port": str(port), "management_port": str(free_port())}
    env = {"host": "127.0.0.1", **ports, "drain": "0", "log_level": "warning"}
    return SERVICE, env


def ours_logging(port: int) -> tuple[Sequence[str], Mapping[str, str]]:
    """The service with a log line for each request, which is its default."""
    command, env = ours(port)
    return command, {**env, "log_level": "info"}


def peer(name: str) -> Server:
    """Return a server that runs a script of `peers` under gunicorn's threaded worker."""

    def server(port: int) -> tuple[Sequence[str], Mapping[str, str]]:
        options = ["--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "75"]
        bind = ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
        app = f"scripts.bench.peers.{name}:app"
        return (sys.executable, "-m", "gunicorn", *options, *bind, app), {}

    return server


def instrumented(name: str) -> Server:
    """Return a peer under OpenTelemetry's auto-instrumentation without exporters."""

    def server(port: int) -> tuple[Sequence[str], Mapping[str, str]]:
        command, _ = peer(name)(port)
        instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        signals = ("TRACES", "METRICS", "LOGS")
        env = {f"OTEL_{signal}_EXPORTER": "none" for signal in signals}
        return (instrument, *command), {**env, "OTEL_TRACES_SAMPLER": "parentbased_always_off"}

    return server


@contextmanager
def chain(*servers: Server) -> Iterator[Chain]:
    """Run servers that each call the next one while the block runs, from when the first answers.

    Raises LanesError if a server ends or does not answer.
    """
    with ExitStack() as stack:
        processes: list[Process] = []
        upstream: dict[str, str] = {}
        for server in reversed(servers):
            port = free_port()
            command, env = server(port)
            path = {"PATH": os.environ["PATH"], "PYTHONPATH": "."}
            process = Process(command[-1], command, path | dict(env) | upstream)
            stack.callback(process.stop, time.monotonic())
            processes.insert(0, process)
            upstream = {"upstream_url": f"http://127.0.0.1:{port}/"}
            _wait(process, port)
        yield Chain(tuple(process.pid for process in processes), port)


def _wait(process: Process, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not answers(port):
        if not process.running:
            raise process.failure()
        if time.monotonic() > deadline:
            raise LanesError(f"{process.name} did not answer; it said last:\n{process.tail()}")
        time.sleep(0.005)


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
