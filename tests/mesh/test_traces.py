"""Traces: with a collector one request is one trace, and without one nothing is different."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lanes.envoy.tracing import Collector
from lanes.running.address import free_port
from lanes.running.runtime import run
from tests import kube
from tests.chart.rendering import template
from tests.mesh.running import ask_in_lane, eventually, failed, load, under_load, versions

TOLD = (
    "service.name",
    "service.version",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.deployment.name",
    "k8s.node.name",
)
Told = list[tuple[dict[str, str], Span]]
"""Each span with its resource's attributes."""


@contextmanager
def collector() -> Iterator[tuple[Collector, Told]]:
    """One that keeps what it is sent."""
    told: Told = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(b"".join(self.parts()))
            for resource in request.resource_spans:
                attributes = values(resource.resource.attributes)
                told.extend((attributes, s) for scope in resource.scope_spans for s in scope.spans)
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
        yield Collector.of(f"http://127.0.0.1:{server.server_port}"), told
        server.shutdown()


def values(attributes: Any) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}


@pytest.mark.parametrize(("provider", "mode"), [("asm", "operator"), ("istio", "image")])
def test_one_request_is_one_trace_from_the_gateway_on_and_tells_its_lane(
    provider: str, mode: str, tmp_path: Path
) -> None:
    telemetry = {"mode": mode, "collector": "http://otel:4318"}
    manifests = tmp_path / "manifests.yaml"
    rendered = template({"mesh": {"provider": provider}, "instrumentation": telemetry})
    manifests.write_text(rendered.stdout)
    mesh_of = load(str(manifests))
    with collector() as (where, told), run(mesh_of, free_port(), collector=where) as mesh:
        assert versions(ask_in_lane(mesh, "v2")) == ["mocka v2", "mockb v1", "mockc v2"]
        eventually(lambda: any(r.get("k8s.pod.name") == "mockc-v2" for r, _ in told[:]))
        lane = next(s.trace_id for r, s in told[:] if r.get("k8s.pod.name") == "mockc-v2")
        # gateway, then a server's and a client's span of each hop; the last calls nobody
        eventually(lambda: sum(s.trace_id == lane for _, s in told[:]) == 6)
    trace = [(r, s) for r, s in told if s.trace_id == lane]
    by_id = {s.span_id: (r, s) for r, s in trace}
    (start,) = (s for _, s in trace if s.parent_span_id not in by_id)
    way, parent = [], start.span_id
    while followers := [(r, s) for r, s in trace if s.parent_span_id == parent]:
        ((resource, span),) = followers
        way.append({name: resource[name] for name in resource if name in TOLD})
        assert values(span.attributes)["version"] == "v2"
        parent = span.span_id
    assert by_id[start.span_id][0]["service.name"] == "gateway"
    by_operator = ["k8s.deployment.name"] if mode == "operator" else []
    a, b, c = (
        {name: told for name, told in pod(*named).items() if name not in by_operator}
        for named in (("mocka", "v2"), ("mockb", "v1"), ("mockc", "v2"))
    )
    assert way == [a, a, b, b, c]


def pod(service: str, version: str) -> dict[str, str]:
    """What tells a pod on a laptop: its node is a cluster's to know."""
    name = f"{service}-{version}"
    return dict(zip(TOLD, (service, version, "default", name, name), strict=False))


def test_a_collector_that_is_dead_breaks_nothing(tmp_path: Path) -> None:
    dead = Collector.of(f"http://127.0.0.1:{free_port()}")
    manifests = kube.write(tmp_path, *kube.asm(kube.PAIR, kube.HALVES))
    with run(load(manifests), free_port(), collector=dead) as mesh:
        assert not failed(list(under_load(mesh, 200)))
