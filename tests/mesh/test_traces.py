"""With a collector, one request is one trace. A collector that is down has no effect."""

from collections.abc import Iterable
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
from tests.mesh.collecting import collecting
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


def spans(exported: Iterable[ExportTraceServiceRequest]) -> Told:
    """Return each span with its resource's attributes."""
    return [
        (values(resource.resource.attributes), span)
        for request in list(exported)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def values(attributes: Any) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}


@pytest.mark.parametrize(("provider", "mode"), [("asm", "operator"), ("istio", "image")])
def test_a_request_is_one_trace_from_the_gateway_on_with_its_lane(
    provider: str, mode: str, tmp_path: Path
) -> None:
    telemetry = {"mode": mode, "collector": "http://otel:4318"}
    manifests = tmp_path / "manifests.yaml"
    rendered = template({"mesh": {"provider": provider}, "instrumentation": telemetry})
    manifests.write_text(rendered.stdout)
    mesh_of = load(str(manifests))
    with collecting() as (where, exported), run(mesh_of, free_port(), collector=where) as mesh:
        assert versions(ask_in_lane(mesh, "v2")) == ["mocka v2", "mockb v1", "mockc v2"]
        eventually(lambda: any(r.get("k8s.pod.name") == "mockc-v2" for r, _ in spans(exported)))
        lane = next(s.trace_id for r, s in spans(exported) if r.get("k8s.pod.name") == "mockc-v2")
        # gateway, then a server's and a client's span of each hop; the last calls nobody
        eventually(lambda: sum(s.trace_id == lane for _, s in spans(exported)) == 6)
    trace = [(r, s) for r, s in spans(exported) if s.trace_id == lane]
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
    """Return the resource attributes of a pod on a laptop, which has no node."""
    name = f"{service}-{version}"
    return dict(zip(TOLD, (service, version, "default", name, name), strict=False))


def test_lanes_hold_while_the_collector_is_down(tmp_path: Path) -> None:
    dead = Collector.of(f"http://127.0.0.1:{free_port()}")
    manifests = kube.write(tmp_path, *kube.asm(kube.PAIR, kube.HALVES))
    with run(load(manifests), free_port(), collector=dead) as mesh:
        assert not failed(list(under_load(mesh, 200)))
