"""The calls of a laptop mesh on this machine, from the `lanes up` that runs it.

`lanes up` listens at an abstract Unix socket, named after its user and its gateway's port. Such a
socket belongs to the gateway's network namespace, and ends with its process. The kernel gives each
end the user of the other: both talk to the same user only.
https://man7.org/linux/man-pages/man7/unix.7.html
"""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lanes.evidence.calls import Call, Forest
from lanes.evidence.source import with_hops
from lanes.evidence.steps import Answer

# The longest wait for the line of a call, and the shortest.
_PATIENCE_SECONDS, _LATE_SECONDS = 3.0, 0.2
# The most calls to keep, and the longest line.
_MOST_CALLS, _LONGEST = 1_000_000, 65_536
_LOCAL = ("127.", "localhost", "::1")


def socket_name(port: int) -> str:
    """Return the socket's name of the `lanes up` whose gateway listens at `port`."""
    return f"\0lanes/{os.getuid()}/{port}"


def same_user(sock: socket.socket) -> bool:
    """Tell whether the other end of a Unix socket is a process of this user."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.getuid())


def line_of(call: Call) -> bytes:
    """Return the call as a line of JSON, which `call_of` reads."""
    return json.dumps({**vars(call), "chosen": sorted(call.chosen)}).encode() + b"\n"


def call_of(line: bytes) -> Call:
    """Return the call in a line. Raises ValueError, KeyError or TypeError for a malformed line."""
    fields: Mapping[str, Any] = json.loads(line)
    return Call(
        caller=str(fields["caller"]),
        caller_address=str(fields["caller_address"]),
        service=str(fields["service"]),
        version=str(fields["version"]),
        address=str(fields["address"]),
        lane=None if fields["lane"] is None else str(fields["lane"]),
        chosen=frozenset(map(str, fields["chosen"])),
        status=int(fields["status"]),
        began=float(fields["began"]),
        seconds=float(fields["seconds"]),
        trace=str(fields["trace"]),
    )


class Laptop:
    """The calls that a `lanes up` reports from now on."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._calls: list[Call] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, name="calls", daemon=True).start()

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Complete the answers, after a bounded wait for the calls of their requests."""
        wanted = {answer.trace for answer in answers if not answer.whole} - {""}
        if not wanted:
            return list(answers)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._more:
            seen = 0
            while wanted and (left := deadline - time.monotonic()) > 0:
                wanted -= {call.trace for call in self._calls[seen:] if not call.caller}
                seen = len(self._calls)
                if wanted:
                    self._more.wait(left)
            longest = max((call.seconds for call in self._calls), default=0.0)
        # A request is reported when it ends, after the calls that it caused. Until then, calls of
        # other clients' requests look as if they were caused by these.
        time.sleep(min(max(_LATE_SECONDS, longest), _PATIENCE_SECONDS))
        with self._more:
            forest = Forest(self._calls)
        return [with_hops(answer, forest.path(answer.trace)) for answer in answers]

    def _read(self) -> None:
        with suppress(OSError), self._socket.makefile("rb") as lines:
            while len(self._calls) < _MOST_CALLS and (line := lines.readline(_LONGEST)):
                with suppress(ValueError, KeyError, TypeError):
                    call = call_of(line)
                    with self._more:
                        self._calls.append(call)
                        self._more.notify_all()


@contextmanager
def laptop(host: str, port: int) -> Iterator[Laptop | None]:
    """Yield the source for a gateway's address; None if no `lanes up` of this user serves it."""
    sock = socket.socket(socket.AF_UNIX)
    with sock:
        try:
            if not host.startswith(_LOCAL):
                raise ConnectionRefusedError
            sock.connect(socket_name(port))
        except OSError:
            yield None
            return
        if not same_user(sock):
            yield None
            return
        sock.settimeout(_PATIENCE_SECONDS)
        with suppress(OSError):
            sock.recv(1)  # `lanes up` reports calls from here on
        sock.settimeout(None)
        yield Laptop(sock)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
