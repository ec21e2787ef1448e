"""The management port: probes and metrics, independent of the load on the request port."""

import asyncio
import hmac
import socket
from functools import cache, partial

import prometheus_client as prometheus

from services.faults import NONE, Fault

CONNECTION_SECONDS = 5.0  # until a connection is closed
MAX_CONNECTIONS = 256  # one more closes the oldest
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_LANES = 32  # lane label values, besides the empty one
# Seconds. A hop takes 1 to 2 ms; a chain that waits ends at its timeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts and times of the requests that a process served, refused and sent."""

    def __init__(self, app: str, version: str, instrumentation: str) -> None:
        self._lanes, self.instrumentation = {""}, instrumentation
        self.registry = registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=registry)
        prometheus.PlatformCollector(registry=registry)
        about = prometheus.Info("service", "The service.", registry=registry)
        about.info({"app": app, "version": version, "instrumentation": instrumentation})
        times = partial(prometheus.Histogram, buckets=BUCKETS, registry=registry)
        # Cached because the lookup of a label pair costs more than the observation.
        requests = times("http_request_duration_seconds", "Answers.", ["lane", "status"])
        calls = times("http_upstream_duration_seconds", "Calls.", ["upstream", "status"])
        self._requests, self._calls = cache(requests.labels), cache(calls.labels)
        self.refused = prometheus.Counter("http_requests_refused", "429s.", registry=registry)

    def observe_request(self, lane: str, status: int, seconds: float) -> None:
        # Anyone may send baggage, and the memory of a label value is never freed.
        if len(self._lanes) <= MAX_LANES:
            self._lanes.add(lane)
        label = lane if lane in self._lanes else "other"
        self._requests(label, status).observe(seconds)

    def observe_upstream(self, url: str, status: int, seconds: float) -> None:
        self._calls(url, status).observe(seconds)


class Management:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics``, and with a token ``PUT /fault``.

    A busy pod stays ready, because its traffic would overload the other pods.
    """

    def __init__(self, metrics: Metrics, fault: Fault = NONE, token: str | None = None) -> None:
        self.fault, self.draining, self.warning = fault, False, ""
        self._metrics, self._token = metrics, token
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, listener: socket.socket) -> None:
        """Answer until the process ends."""
        server = await asyncio.start_server(self._connected, sock=listener)
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MAX_CONNECTIONS:
            self._open.pop(oldest := next(iter(self._open)))
            oldest.transport.abort()
        try:
            async with asyncio.timeout(CONNECTION_SECONDS):
                status, body, kind = self.answer(await reader.readuntil(b"\r\n\r\n"))
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                writer.write_eof()
                await reader.read()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()

    def answer(self, head: bytes) -> tuple[str, bytes, str]:
        """Return status, body and content type for a request with this head."""
        method, _, rest = head.partition(b" ")
        path, _, query = rest.partition(b" ")[0].partition(b"?")
        status, text = "200 OK", "alive"
        if self._token and (method, path) == (b"PUT", b"/fault"):
            status, text = self._set_fault(head, query.decode("latin-1"), f"Bearer {self._token}")
        elif method != b"GET":
            status, text = "405 Method Not Allowed", "only GET is answered"
        elif path == b"/readyz":
            unready = ("503 Service Unavailable", "draining")
            status, text = unready if self.draining else (status, "ready")
            text += f"\ninstrumentation: {self._metrics.instrumentation}"
            text += f"\nwarning: {self.warning}" * bool(self.warning)
        elif path == b"/metrics":
            return status, prometheus.generate_latest(self._metrics.registry), CONTENT_TYPE
        elif path != b"/healthz":
            status, text = "404 Not Found", "there are /healthz, /readyz and /metrics"
        return status, f"{text}\n".encode(), "text/plain; charset=utf-8"

    def _set_fault(self, head: bytes, query: str, authorization: str) -> tuple[str, str]:
        """Replace the fault until this process ends. A header guards it against web pages."""
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if not hmac.compare_digest(headers.get(b"authorization", b""), authorization.encode()):
            return "403 Forbidden", "not with this token"
        try:
            self.fault = Fault.from_query(query)
        except ValueError as error:
            return "400 Bad Request", str(error)
        return "200 OK", str(self.fault)
