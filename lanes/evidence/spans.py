"""The spans of a trace, and the hops that they show."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lanes.evidence.grpc_status import status_of
from lanes.evidence.steps import MOST_HOPS, Measured, Routed, Step
from lanes.evidence.workloads import NOBODY, PASSTHROUGH, Workloads
from lanes.mesh.baggage import members

# The attributes that hold a request's baggage, as instrumentation or Envoy records the header.
_BAGGAGE = (
    "http.request.header.baggage",
    "rpc.request.metadata.baggage",
    "rpc.grpc.request.metadata.baggage",
    "baggage",
)
_STATUS = ("http.response.status_code", "http.status_code")
# OpenTelemetry's today, OpenTelemetry's before, and Envoy's.
_GRPC_STATUS = ("rpc.response.status_code", "rpc.grpc.status_code", "grpc.status_code")
# Envoy's flags for: no such cluster, no healthy pod, no connection.
_NO_POD = frozenset({"NC", "UH", "UF"})
# The most spans between a hop and its caller.
_MOST_BETWEEN = 100


@dataclass(frozen=True)
class Span:
    """One span. `server`: it is the receiving side of a call.

    `began` and `ended` are nanoseconds of its machine's clock. `attributes` include its resource's.
    """

    trace: str
    id: str
    parent: str
    server: bool
    began: int
    ended: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def ms(self) -> float:
        """Its duration; 0 where its clock went back."""
        return max(0, self.ended - self.began) / 1e6

    @property
    def status(self) -> int:
        """The HTTP status of its answer, or the one that its gRPC status stands for; 0 for none."""
        texts = (self.attributes.get(name, "") for name in _STATUS)
        http = next((int(text) for text in texts if text.isdecimal() and len(text) == 3), 0)
        grpc = next(filter(None, map(self.attributes.get, _GRPC_STATUS)), None)
        return status_of(http or 200, grpc) if grpc else http


@dataclass(frozen=True)
class _Hop:
    """A server span of a known service, or a proxy's span of a call that no pod answered.

    `caller`: the hop that called; None if no span shows it. `missing`: a service without a span
    between this hop and its caller, by the name that the caller's sidecar called; "" for none.
    """

    span: Span
    service: str
    version: str
    caller: "_Hop | None"
    routed: Routed | None
    missing: str
    answered: bool


def path(spans: Iterable[Span], workloads: Workloads, header: str) -> tuple[Step, ...]:
    """Return the hops that the spans of one trace show, callers first.

    - A span that came twice counts once.
    - A hop's own sidecar and its service are one hop.
    - Of several tries of one call, the last without a server error counts.
    - If spans between two hops are missing, the caller of the second is unknown.
    - If a hop's sidecar has spans of other calls, a call without a span passed no sidecar.
    - A call behind a call to another service was made by that service, which has no span.
    - A call for which a proxy had no pod is a hop that nothing answered, unless a try reached one.
    - Clocks of machines differ: only times of one span are compared.

    `header`: the baggage member that names the lane, if spans record baggage; "" for none.
    """
    spans_by_id = {span.id: span for span in spans}
    hops: dict[str, _Hop | None] = {}
    for span in _parents_first(spans_by_id):
        hops[span.id] = _hop(span, spans_by_id, workloads, hops)
    answering = list(_answering([hop for hop in hops.values() if hop is not None]))[:MOST_HOPS]
    called: dict[int, list[_Hop]] = defaultdict(list)
    first = []
    kept = set(map(id, answering))
    for hop in answering:
        if hop.caller is not None and id(hop.caller) in kept:
            called[id(hop.caller)].append(hop)
        else:
            first.append(hop)
    return tuple(_steps(first, called, header))


def _parents_first(spans: Mapping[str, Span]) -> Iterator[Span]:
    """Yield each span once, after its parent."""
    met: set[str] = set()
    for span in spans.values():
        chain = []
        ancestor: Span | None = span
        while ancestor is not None and ancestor.id not in met:
            met.add(ancestor.id)
            chain.append(ancestor)
            ancestor = spans.get(ancestor.parent)
        yield from reversed(chain)


def _hop(
    span: Span, spans: Mapping[str, Span], workloads: Workloads, hops: Mapping[str, _Hop | None]
) -> _Hop | None:
    """Return the hop that a server span begins, or that a proxy did not reach; None for others."""
    unreached = _unreached(span, workloads)
    service, version = (unreached, "") if unreached else _workload(span, workloads)
    if not service or not (span.server or unreached):
        return None
    sent, ancestor, caller = _sent(span) if unreached else "", spans.get(span.parent), None
    for _ in range(_MOST_BETWEEN):
        if ancestor is None:
            break
        sent = sent or _sent(ancestor)
        caller = hops.get(ancestor.id)
        if caller is not None:
            break
        ancestor = spans.get(ancestor.parent)
    if caller is not None and caller.service == service and not sent:
        return None  # the service behind its own sidecar
    called = workloads.service(sent.rpartition("|")[2]) if sent != PASSTHROUGH else ""
    missing = called if called != service else ""
    routed = None
    if sent and not missing:
        routed = Routed(workloads.chosen.get(sent, frozenset()), ruled=sent != PASSTHROUGH)
    return _Hop(span, service, version, caller, routed, missing, not unreached)


def _unreached(span: Span, workloads: Workloads) -> str:
    """Return the service of a call for which a proxy had no pod; "" for any other span."""
    if not _NO_POD.intersection(span.attributes.get("response_flags", "").split(",")):
        return ""
    host = _sent(span).rpartition("|")[2]
    if not host and not span.server:  # the proxy has no such cluster
        with suppress(ValueError):
            host = urlsplit(span.attributes.get("http.url", "")).hostname or ""
    return workloads.service(host)


def _sent(span: Span) -> str:
    """Return the cluster that a sidecar sent the span's call to; "" for any other span."""
    cluster = span.attributes.get("upstream_cluster", "")
    return cluster if cluster.startswith("outbound|") or cluster == PASSTHROUGH else ""


def _workload(span: Span, workloads: Workloads) -> tuple[str, str]:
    """Return the service of a span and its version; "" for what is unknown."""
    attributes = span.attributes
    workload = workloads.pod(attributes.get("k8s.pod.name", ""))
    if workload == NOBODY:
        workload = workloads.workload(attributes.get("k8s.deployment.name", ""))
    if workload == NOBODY:
        workload = workloads.workload(attributes.get("service.name", ""))
    names = (attributes.get("istio.canonical_service", ""), attributes.get("service.name", ""))
    service = workload.service or next(filter(None, map(workloads.service, names)), "")
    version = attributes.get("istio.canonical_revision") or attributes.get("service.version", "")
    return service, workload.version or version


def _answering(hops: Sequence[_Hop]) -> Iterator[_Hop]:
    """Yield the hops without the tries of a call that another try replaced."""
    tries: dict[tuple[str, str], list[_Hop]] = defaultdict(list)
    reached = {(id(hop.caller), hop.service) for hop in hops if hop.answered}
    for hop in hops:
        if not hop.answered and (id(hop.caller), hop.service) in reached:
            continue
        tries[hop.span.parent or hop.span.id, hop.service].append(hop)
    for same_call in tries.values():
        right = [hop for hop in same_call if hop.span.status < 500]
        yield from right or [max(same_call, key=lambda hop: hop.span.began)]


def _steps(
    first: Sequence[_Hop], called: Mapping[int, Sequence[_Hop]], header: str
) -> Iterator[Step]:
    ahead = [(hop, 0, hop.routed) for hop in reversed(first)]
    while ahead:
        hop, depth, routed = ahead.pop()
        calls = called.get(id(hop), ())
        yield _step(hop, depth, calls, header, routed)
        sidecar_traces = any(call.routed for call in calls)
        without_span = Routed(proxied=False) if sidecar_traces else None
        ahead += [
            (call, depth + 1, call.routed or (None if call.missing else without_span))
            for call in reversed(calls)
        ]


def _step(hop: _Hop, depth: int, calls: Sequence[_Hop], header: str, routed: Routed | None) -> Step:
    took, status = hop.span.ms, hop.span.status
    slowest = max((call.span.ms for call in calls), default=0.0)
    own_error = status >= 500 and all(call.span.status < 500 for call in calls)
    error = f"status {status}" if own_error else ""
    recorded = filter(None, map(hop.span.attributes.get, _BAGGAGE if header else ()))
    baggage = next(recorded, None)
    return Step(
        hop.service,
        hop.version,
        None if baggage is None else members(baggage).get(header),
        measured=Measured(depth, "", status, took, max(0.0, took - slowest), error),
        silent=hop.answered and not hop.version,
        caller=hop.missing or (hop.caller.service if hop.caller else None),
        lane_known=baggage is not None,
        routed=routed,
    )
