"""How requests come in: read without a thread, in a line of a stated length, refused beyond it.

Gunicorn's threads read requests themselves, so that a client that is slow to send holds one. Here
the loop that accepts connections collects each request's head, and threads get it whole.
"""

import errno
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from gunicorn.http import get_parser  # type: ignore[import-untyped]
from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    STOP_KEEPALIVE_LINGER,
    TConn,
    ThreadWorker,
)

# Seconds. Envoy closes idle connections after an hour; the side that accepts must be the later
# one, or it closes a connection at the moment of use and a request is answered 503.
KEEPALIVE = 3660
# Connections without a request. Beyond that many the one that has been idle longest is closed.
MOST_IDLE = 512
# Requests that have begun to come in, and the time they have from their first byte to the end of
# their head.
MOST_HEADS, HEAD_SECONDS = 128, 10.0
# Of a head. Envoy lets 60 KiB through.
HEAD_BYTES = 65_536
# Requests that may wait for each thread, and how long: those who asked have gone after a while, and
# answering them keeps the next ones waiting.
WAITING_PER_THREAD, WAITING_SECONDS = 8, 2.0
# Connections whose last answer the client may still have to read.
MOST_CLOSING, CLOSING_SECONDS = 128, 2.0


def most_connections(threads: int) -> int:
    """How many connections there can be at once."""
    return MOST_IDLE + MOST_HEADS + MOST_CLOSING + threads * (1 + WAITING_PER_THREAD)


def refusal(status: str, why: str) -> bytes:
    """A whole answer for a request that no thread sees."""
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(why) + 1}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", f"{why}\n"]).encode()


SLOW = refusal("408 Request Timeout", f"slow: the request took longer than {HEAD_SECONDS:g} s")
# Not 503: meshes send that again, and count it against a pod, and both make overload worse.
BUSY = "429 Too Many Requests"
LATE = refusal(BUSY, f"busy: no thread was free within {WAITING_SECONDS:g} s")
LARGE = refusal("431 Request Header Fields Too Large", f"the headers exceed {HEAD_BYTES} bytes")


class Connection(TConn):  # type: ignore[misc]
    """A client's connection, and what has come in on it that no thread has taken."""

    def __init__(self, cfg: object, sock: socket.socket, client: object, server: object) -> None:
        super().__init__(cfg, sock, client, server)
        self.initialized = True  # there is no TLS to begin, and no parser that reads the socket
        self.received = bytearray()
        self.room: Room | None = None
        self.arrived = 0.0

    def take_head(self) -> bytes | None:
        """The next request up to its empty line; None while that has not come."""
        end = self.received.find(b"\r\n\r\n") + 4
        if end < 4:
            return None
        head = bytes(self.received[:end])
        del self.received[:end]
        return head


class Room:
    """Connections that wait for their clients, and until when; the longest waiting is first."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self.until: dict[Connection, float] = {}

    def first(self) -> Connection:
        """The connection that has waited longest."""
        return next(iter(self.until))


class Intake(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's threaded worker, whose threads neither wait for requests nor read them.

    All but the threads' own work happens in the one loop of the process: there are no locks.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.idle = Room(MOST_IDLE, KEEPALIVE)
        self.heads = Room(MOST_HEADS, HEAD_SECONDS)
        self.closing = Room(MOST_CLOSING, CLOSING_SECONDS)
        self.in_line = 0
        waiting = self.cfg.threads * WAITING_PER_THREAD
        self.most_in_line = self.cfg.threads + waiting
        why = f"busy: {self.cfg.threads} requests are being answered and {waiting} wait"
        self._full = refusal(BUSY, why)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, which is idle until its client sends something."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE) and self.idle.until:
                self._drop(self.idle.first())
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE):
                raise
            return
        self.nr_conns += 1
        self._wait(Connection(self.cfg, sock, client, listener.getsockname()), self.idle)

    def enqueue_req(self, conn: Connection) -> None:
        """Give a request to the threads."""
        self.in_line += 1
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> bool:
        """Answer a request, in a thread, unless it has waited too long for that."""
        if time.monotonic() - conn.arrived > WAITING_SECONDS:
            self.app.metrics.observe_refusal()
            with suppress(OSError):
                conn.sock.send(LATE)
            return False
        keep: bool = super().handle(conn)
        return keep

    def finish_request(self, conn: Connection, answered: "Future[bool]") -> None:
        """What becomes of a connection after an answer: it is kept, or closed."""
        self.in_line -= 1
        conn.sock.setblocking(False)
        if answered.cancelled() or answered.exception() or not answered.result():
            self._close(conn)
        elif conn.received:
            self._wait(conn, self.heads)
            self._take(conn)
        else:
            self._wait(conn, self.idle)

    def murder_keepalived(self, force: bool = False) -> None:
        """Called in each turn of the loop: let go of what has waited too long."""
        now = time.monotonic()
        if not self.alive:
            self.idle.seconds = STOP_KEEPALIVE_LINGER
            for conn, until in self.idle.until.items():
                self.idle.until[conn] = min(until, now + STOP_KEEPALIVE_LINGER)
        for room in (self.idle, self.heads, self.closing):
            while room.until and (force or room.until[room.first()] <= now):
                self._expire(room.first())

    def _expire(self, conn: Connection) -> None:
        if conn.room is self.heads:
            self._refuse(conn, SLOW)
        else:
            self._drop(conn)

    def _wait(self, conn: Connection, room: Room) -> None:
        if conn.room is None:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._readable, conn))
        else:
            del conn.room.until[conn]
        conn.room = room
        room.until[conn] = time.monotonic() + room.seconds
        if len(room.until) > room.most:
            self._expire(room.first())

    def _leave(self, conn: Connection) -> None:
        if conn.room is not None:
            del conn.room.until[conn]
            conn.room = None
            self.poller.unregister(conn.sock)

    def _readable(self, conn: Connection, sock: socket.socket) -> None:
        if conn.room is None:
            return  # dropped in this turn of the loop, to make room for another
        try:
            data = sock.recv(16_384)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
        elif conn.room is not self.closing:
            conn.received += data
            self._take(conn)

    def _take(self, conn: Connection) -> None:
        """Pass on a request whose head is there."""
        head = conn.take_head()
        if head is None:
            if len(conn.received) > HEAD_BYTES:
                self._refuse(conn, LARGE)
            elif conn.room is not self.heads:
                self._wait(conn, self.heads)
        elif self.in_line >= self.most_in_line:
            self.app.metrics.observe_refusal()
            self._refuse(conn, self._full)
        else:
            self._leave(conn)
            conn.arrived = time.monotonic()
            # From these bytes alone: a parser that wants more finds the end, and never waits.
            conn.parser = get_parser(self.cfg, [head], conn.client)
            self.enqueue_req(conn)

    def _refuse(self, conn: Connection, answer: bytes) -> None:
        try:
            conn.sock.send(answer)
        except OSError:
            self._drop(conn)
        else:
            self._close(conn)

    def _close(self, conn: Connection) -> None:
        """Say that no more will come, and let the client read what has; gunicorn's own way of it
        waits for one client at a time, and everybody waits with it.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            conn.received.clear()
            self._wait(conn, self.closing)

    def _drop(self, conn: Connection) -> None:
        self._leave(conn)
        self.nr_conns -= 1
        conn.close()
