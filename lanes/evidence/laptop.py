"""The calls of a laptop mesh that runs on this machine, from the `lanes up` that runs it.

`lanes up` listens at an abstract Unix socket that is named after its user and its gateway's port.
Such a socket is of the network namespace, as the gateway is, and goes with its process. The kernel
tells each end the user of the other; no other user's is believed, or told anything.
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

# How long the line of a call may take to come at most, and at least.
_PATIENCE_SECONDS, _LATE_SECONDS = 3.0, 0.2
# The most calls that are kept, and the longest line.
_MOST_CALLS, _LONGEST = 1_000_000, 65_536
_LOCAL = ("127.", "localhost", "::1")


def socket_name(port: int) -> str:
    """The name of the socket of the `lanes up` whose gateway listens at `port`."""
    return f"\0lanes/{os.getuid()}/{port}"


def same_user(sock: socket.socket) -> bool:
    """Whether the other end of a Unix socket is a process of this user."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.getuid())


def line_of(call: Call) -> bytes:
    """The call as a line; `call_of` is the inverse."""
    return json.dumps({**vars(call), "chosen": sorted(call.chosen)}).encode() + b"\n"


def call_of(line: bytes) -> Call:
    """Raises ValueError, KeyError or TypeError for a line that is none."""
    told: Mapping[str, Any] = json.loads(line)
    return Call(
        caller=str(told["caller"]),
        caller_address=str(told["caller_address"]),
        service=str(told["service"]),
        version=str(told["version"]),
        address=str(told["address"]),
        lane=None if told["lane"] is None else str(told["lane"]),
        chosen=frozenset(map(str, told["chosen"])),
        status=int(told["status"]),
        began=float(told["began"]),
        seconds=float(told["seconds"]),
        trace=str(told["trace"]),
    )


class Laptop:
    """The calls that a `lanes up` tells of, from now on."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._calls: list[Call] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, name="calls", daemon=True).start()

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Wait until the calls of all these requests are told, with a bound."""
        open_ = {answer.trace for answer in answers if not answer.whole} - {""}
        if not open_:
            return list(answers)
        over = time.monotonic() + _PATIENCE_SECONDS
        with self._more:
            seen = 0
            while open_ and (left := over - time.monotonic()) > 0:
                open_ -= {call.trace for call in self._calls[seen:] if not call.caller}
                seen = len(self._calls)
                if open_:
                    self._more.wait(left)
            longest = max((call.seconds for call in self._calls), default=0.0)
        # A request of others is told when it ends, after the calls that were made for it. Until
        # then, such a call looks like one of a request that was under way beside it.
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
    """The source for a gateway at this address; None where no `lanes up` of this user has it."""
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
            sock.recv(1)  # from here on, calls are told
        sock.settimeout(None)
        yield Laptop(sock)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
