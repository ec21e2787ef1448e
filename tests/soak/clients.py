"""The soak's clients: ordinary ones, hostile ones, and ones that misbehave."""

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from random import Random

import urllib3

from lanes.evidence.answers import parse
from lanes.evidence.steps import Answer
from tests import hostile

_CLIENTS, _PER_SECOND = 8, 60  # ordinary clients, and their requests per second
_TIMEOUT_SECONDS = 15.0
_RUDE = 16  # connections at a time of the client that misbehaves


@dataclass(frozen=True)
class Exchange:
    """A request's start and end (monotonic seconds), and its answer.

    `tries` describes hostile headers.
    """

    began: float
    ended: float
    answer: Answer
    tries: str | None = None


class Crowd:
    """Clients of one gateway for the time of a `with` block.

    `exchanges` has their requests so far; `rude` counts the attacks of the client that misbehaves.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.exchanges: list[Exchange] = []
        self.rude: Counter[str] = Counter()
        self._url = url
        self._seed = seed
        self._over = threading.Event()
        self._pool = urllib3.PoolManager(
            maxsize=_CLIENTS + 1, block=True, retries=False, timeout=_TIMEOUT_SECONDS
        )

    def __enter__(self) -> "Crowd":
        parts = [*[self._send] * _CLIENTS, self._send_hostile, self._misbehave]
        self._threads = [threading.Thread(target=part) for part in parts]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._pool.clear()

    def _send(self) -> None:
        while not self._over.wait(_CLIENTS / _PER_SECOND):
            self.exchanges.append(self._exchange([]))

    def _send_hostile(self) -> None:
        """Send a hostile form every 0.1 s: each one by itself first, then endless mixes."""
        for form in _endless(self._seed):
            if self._over.wait(0.1):
                return
            self.exchanges.append(self._exchange(form.headers, form.tries))

    def _exchange(self, headers: hostile.Headers, tries: str | None = None) -> Exchange:
        lines = urllib3.HTTPHeaderDict([("Accept", "application/json"), *headers])
        began = time.monotonic()
        try:
            response = self._pool.request("GET", self._url, headers=lines)
        except urllib3.exceptions.HTTPError as error:
            answer = Answer(0, f"no answer: {error}")
        else:
            kind = response.headers.get("Content-Type", "")
            answer = parse(response.status, kind, response.data)
        return Exchange(began, time.monotonic(), answer, tries)

    def _misbehave(self) -> None:
        random = Random(self._seed)
        address = urllib3.util.parse_url(self._url)
        assert address.host
        assert address.port
        while True:
            for name in random.sample(list(_RUDENESS), len(_RUDENESS)):
                with (
                    _connections(address.host, address.port) as connections,
                    suppress(OSError),  # the gateway may close the connection
                ):
                    for connection in connections:
                        _RUDENESS[name](connection, random)
                    self.rude[name] += 1
                    if self._over.wait(random.uniform(0.2, 2)):
                        return


def _endless(seed: int) -> Iterator[hostile.Form]:
    yield from Random(seed).sample(hostile.each(seed=seed), len(hostile.each(seed=seed)))
    yield from hostile.forms(seed)


@contextmanager
def _connections(host: str, port: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, port), timeout=5))
            for _ in range(_RUDE)
        ]


_REQUEST = b"GET / HTTP/1.1\r\nHost: mesh\r\n"


def _half_a_head(connection: socket.socket, random: Random) -> None:
    connection.sendall(_REQUEST[: random.randint(1, len(_REQUEST))])


def _half_a_body(connection: socket.socket, random: Random) -> None:
    length = random.randint(1, 1000)
    connection.sendall(_REQUEST + b"Content-Length: 2000\r\n\r\n" + b"x" * length)


def _reads_nothing(connection: socket.socket, _: Random) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    connection.sendall((_REQUEST + b"\r\n") * 5)


def _hangs_up(connection: socket.socket, _: Random) -> None:
    connection.sendall(_REQUEST + b"\r\n")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


_RUDENESS: dict[str, Callable[[socket.socket, Random], None]] = {
    "half a head": _half_a_head,
    "half a body": _half_a_body,
    "reads nothing": _reads_nothing,
    "hangs up": _hangs_up,
}
