"""A collector of traces by OTLP over HTTP that stores its requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lanes.envoy.tracing import Collector


@contextmanager
def collecting() -> Iterator[tuple[Collector, list[ExportTraceServiceRequest]]]:
    """Run a collector until the block ends; yield it and the list of its requests."""
    exported: list[ExportTraceServiceRequest] = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            exported.append(ExportTraceServiceRequest.FromString(b"".join(self.parts())))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def parts(self) -> Iterator[bytes]:
            if length := self.headers["Content-Length"]:
                yield self.rfile.read(int(length))
                return
            while size := int(self.rfile.readline(), 16):  # Envoy sends chunks
                yield self.rfile.read(size)
                self.rfile.readline()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Collector.of(f"http://127.0.0.1:{server.server_port}"), exported
        server.shutdown()
