"""Send calls to `lanes verify` and `lanes trace` of the same user, over a socket."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from lanes.envoy import Json
from lanes.evidence.calls import Call, trace_id
from lanes.evidence.laptop import line_of, same_user, socket_name
from lanes.evidence.workloads import Workloads
from lanes.mesh.model import Mesh
from lanes.page.calls import GATEWAY, Reader
from lanes.page.tap import Tap, lines
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Plan

# A listener that is more lines behind gets no further ones.
_MOST_WAITING = 100_000


def follow(tap: Tap, *listeners: Callable[[Json], None]) -> None:
    """Pass each line of the log to the listeners, in a daemon thread."""

    def read() -> None:
        for line in lines(tap.log):
            for listener in listeners:
                listener(line)

    threading.Thread(target=read, name="log", daemon=True).start()


class Feed:
    """Sends the calls of a mesh to connected listeners, from their connection on."""

    def __init__(self, mesh: Mesh, planned: Plan, addresses: Mapping[str, str]) -> None:
        self._reader = Reader(mesh, planned, addresses)
        self._chosen = Workloads.of(mesh).chosen
        self._listeners: list[queue.Queue[bytes]] = []
        self._lock = threading.Lock()

    def send(self, line: Json) -> None:
        """Send the call of a log line."""
        with self._lock:
            listeners = list(self._listeners)
        call = self._call(line) if listeners else None
        if call is None:
            return
        for listener in listeners:
            try:
                listener.put_nowait(line_of(call))
            except queue.Full:
                self._forget(listener)

    def _call(self, line: Json) -> Call | None:
        call = self._reader.call(line)
        if call is None:
            return None
        by_gateway = call.caller == GATEWAY
        return Call(
            caller="" if by_gateway else call.caller.partition("/")[0],
            caller_address="" if by_gateway else str(line["at"]),
            service=call.service,
            version=call.callee.partition("/")[2] if call.callee else "",
            address=(line["to"] or "").rpartition(":")[0] if call.callee else "",
            lane=None if call.lane == UNTAGGED else call.lane,
            chosen=self._chosen.get(line["cluster"] or "", frozenset()),
            status=call.status,
            began=call.began,
            seconds=call.seconds,
            trace=trace_id(line["trace"] or ""),
        )

    def _forget(self, listener: "queue.Queue[bytes]") -> None:
        with self._lock, suppress(ValueError):
            self._listeners.remove(listener)

    def serve(self, server: socket.socket) -> None:
        """Accept listeners until the socket is closed."""
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=self._write, args=(client,), daemon=True).start()

    def _write(self, client: socket.socket) -> None:
        waiting: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        with client, suppress(OSError):
            if not same_user(client):
                return
            with self._lock:
                self._listeners.append(waiting)
            try:
                client.sendall(b"\n")  # the listener gets all calls from now on
                while True:
                    client.sendall(waiting.get())
            finally:
                self._forget(waiting)


@contextmanager
def serving(feed: Feed, port: int) -> Iterator[bool]:
    """Serve the calls of the gateway at `port` while the block runs.

    Yields False if another program has the socket.
    """
    server = socket.socket(socket.AF_UNIX)
    with server:
        try:
            server.bind(socket_name(port))
            server.listen()
        except OSError:
            yield False
            return
        threading.Thread(target=feed.serve, args=(server,), daemon=True).start()
        yield True
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
