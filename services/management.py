"""The management port: probes and metrics, whatever the port of the requests is busy with."""

import asyncio
import hmac
import socket
from dataclasses import dataclass
from http import HTTPStatus

from services.faults import NONE, Fault
from services.metrics import CONTENT_TYPE, Metrics

PLAIN = "text/plain; charset=utf-8"
# For a request and its answer. Beyond so many connections the one that is open longest is closed:
# who floods the port does not keep a probe out.
SECONDS, MOST = 5.0, 256


@dataclass
class State:
    """What changes in a process while it runs: the fault in force, whether it drains, and what
    ``/readyz`` warns of.
    """

    fault: Fault = NONE
    draining: bool = False
    warning: str = ""


class Management:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics``; and ``PUT /fault`` if there is a token.

    A process that answers is alive. It is ready unless it drains, and also when it is so busy that
    it refuses requests: were it to leave the mesh's lists, the others would get its share.
    """

    def __init__(self, state: State, metrics: Metrics, token: str | None = None) -> None:
        self._state = state
        self._metrics = metrics
        self._token = token
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, listener: socket.socket) -> None:
        """Answer until the process ends."""
        server = await asyncio.start_server(self._connected, sock=listener)
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MOST:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(SECONDS):
                status, body, kind = self.answer(await reader.readuntil(b"\r\n\r\n"))
                head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
                head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
                writer.write_eof()
                await reader.read()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()

    def answer(self, head: bytes) -> tuple[HTTPStatus, bytes, str]:
        """Return status, body and content type for a request with that head."""
        method, _, rest = head.partition(b" ")
        path, _, query = rest.partition(b" ")[0].partition(b"?")
        if self._token and (method, path) == (b"PUT", b"/fault"):
            return self._set_fault(head, query, f"Bearer {self._token}".encode())
        if method != b"GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, b"only GET is answered\n", PLAIN
        match path:
            case b"/healthz":
                return HTTPStatus.OK, b"alive\n", PLAIN
            case b"/readyz":
                warning = f"warning: {self._state.warning}\n" if self._state.warning else ""
                if self._state.draining:
                    return HTTPStatus.SERVICE_UNAVAILABLE, f"draining\n{warning}".encode(), PLAIN
                return HTTPStatus.OK, f"ready\n{warning}".encode(), PLAIN
            case b"/metrics":
                return HTTPStatus.OK, self._metrics.exposition(), CONTENT_TYPE
        return HTTPStatus.NOT_FOUND, b"there are /healthz, /readyz and /metrics\n", PLAIN

    def _set_fault(self, head: bytes, query: bytes, wanted: bytes) -> tuple[HTTPStatus, bytes, str]:
        """Replace the fault by that in the query, until this process ends.

        The header is one that only its owner knows, so that no page in a browser nearby can.
        """
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if not hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            return HTTPStatus.FORBIDDEN, b"not with this token\n", PLAIN
        try:
            self._state.fault = Fault.from_query(query.decode("latin-1"))
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, f"{error}\n".encode(), PLAIN
        return HTTPStatus.OK, f"{self._state.fault}\n".encode(), PLAIN
