"""The management port: probes and metrics, whatever the port of the requests is busy with."""

import asyncio
import hmac
import threading
from http import HTTPStatus
from socket import socket
from typing import Protocol

from services.fault import Fault, Faults
from services.metrics import CONTENT_TYPE, Metrics
from services.settings import Settings

PLAIN = "text/plain; charset=utf-8"
# For a request and its answer; and how many there may be at once.
SECONDS, MOST = 5.0, 64


class State(Protocol):
    """What there is to tell of a process."""

    draining: bool
    warning: str
    metrics: Metrics
    faults: Faults
    settings: Settings
    management: socket


class Management:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics`` from one thread, a connection each; and
    ``PUT /fault`` where a ``fault_token`` is set.

    A process that answers is alive. It is ready unless it drains, and also when it is so busy that
    it refuses requests: were it to leave the mesh's lists, the others would get its share.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._open = 0

    def start(self) -> None:
        """Answer until the process ends."""
        threading.Thread(target=self._run, name="management", daemon=True).start()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._answer, sock=self._state.management)
        await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MOST:
                async with asyncio.timeout(SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head))
                    await writer.drain()
                    writer.write_eof()
                    await reader.read()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()

    def _response(self, head: bytes) -> bytes:
        status, body, kind = self.answer(head)
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def answer(self, head: bytes) -> tuple[HTTPStatus, bytes, str]:
        """Status, body and content type for a request with that head."""
        method, _, rest = head.partition(b" ")
        path, _, query = rest.partition(b" ")[0].partition(b"?")
        if self._state.settings.fault_token and (method, path) == (b"PUT", b"/fault"):
            return self._set_fault(head, query)
        if method != b"GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, b"only GET is answered\n", PLAIN
        match path:
            case b"/healthz":
                return HTTPStatus.OK, b"alive\n", PLAIN
            case b"/readyz":
                state = self._state
                status = HTTPStatus.SERVICE_UNAVAILABLE if state.draining else HTTPStatus.OK
                word = "draining" if state.draining else "ready"
                warning = f"warning: {state.warning}\n" if state.warning else ""
                return status, f"{word}\n{warning}".encode(), PLAIN
            case b"/metrics":
                return HTTPStatus.OK, self._state.metrics.exposition(), CONTENT_TYPE
        return HTTPStatus.NOT_FOUND, b"there are /healthz, /readyz and /metrics\n", PLAIN

    def _set_fault(self, head: bytes, query: bytes) -> tuple[HTTPStatus, bytes, str]:
        """Replace the fault by that in the query, until this process ends.

        A header that only its owner knows, so that no page in a browser nearby can.
        """
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        told = headers.get(b"authorization", b"")
        if not hmac.compare_digest(told, f"Bearer {self._state.settings.fault_token}".encode()):
            return HTTPStatus.FORBIDDEN, b"not with this token\n", PLAIN
        try:
            fault = Fault.from_query(query.decode("latin-1"))
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, f"{error}\n".encode(), PLAIN
        self._state.faults.current = fault
        return HTTPStatus.OK, f"{fault}\n".encode(), PLAIN
