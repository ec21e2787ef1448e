"""The spans of a trace, and the hops that they tell of."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lanes.evidence.grpc_status import status_of
from lanes.evidence.steps import MOST_HOPS, Measured, Routed, Step
from lanes.evidence.workloads import NOBODY, PASSTHROUGH, Workloads
from lanes.mesh.baggage import members

# Where a deployment's instrumentation, or Envoy's, records the baggage that a request brought.
_BAGGAGE = (
    "http.request.header.baggage",
    "rpc.request.metadata.baggage",
    "rpc.grpc.request.metadata.baggage",
    "baggage",
)


@dataclass(frozen=True)
class Span:
    """One span. `began` and `ended`: nanoseconds of its machine's clock. `attributes` are its own
    and its resource's; `server` tells that it is the receiving side of a call.
    """

    trace: str
    id: str
    parent: str
    server: bool
    began: int
    ended: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status that it answered with, by HTTP or by gRPC; 0 where it tells none."""
        told = (self.attributes.get(name, "") for name in _STATUS)
        http = next((int(text) for text in told if text.isdecimal() and len(text) == 3), 0)
        grpc = next(filter(None, map(self.attributes.get, _GRPC_STATUS)), None)
        return status_of(http or 200, grpc) if grpc else http


# The most spans between a hop and the one that calls it.
_MOST_BETWEEN = 100
_STATUS = ("http.response.status_code", "http.status_code")
# Envoy's for: no such cluster, no healthy pod, no connection.
_NO_POD = frozenset({"NC", "UH", "UF"})
# OpenTelemetry's of today, its older one, and Envoy's.
_GRPC_STATUS = ("rpc.response.status_code", "rpc.grpc.status_code", "grpc.status_code")


@dataclass(frozen=True)
class _Hop:
    """A server span whose service the mesh has, or a proxy's span of a call to it that nothing
    answered. `caller` is the hop that it is behind, by the ids of its spans; None where no span
    tells. `missing`: the service between the two of which there is no span, by the name that the
    sidecar of `caller` called; "" for none.
    """

    span: Span
    service: str
    version: str
    caller: "_Hop | None"
    routed: Routed | None
    missing: str
    answered: bool


def path(spans: Iterable[Span], workloads: Workloads, header: str) -> tuple[Step, ...]:
    """Return the hops that the spans of one trace tell of, callers before those they call.

    - A span that came twice counts once.
    - A hop's own sidecar and its service are one hop.
    - Of several tries of one call, the one that answered counts: the last without a server error.
    - Where spans between are missing, nothing tells who called a hop.
    - Where a hop's sidecar has spans of other calls, one without passed no sidecar.
    - A call behind one to another service was made by that service, which has no span.
    - A call that a proxy had no pod for is a hop that nothing answered, unless another try was.
    - Clocks of machines differ: times are compared within one span alone.
    `header`: the baggage member that names the lane, for spans that record baggage; "" where none
    does.
    """
    known = {span.id: span for span in spans}
    hops: dict[str, _Hop | None] = {}
    for span in _callers_first(known):
        hops[span.id] = _hop(span, known, workloads, hops)
    entered = list(_answering([hop for hop in hops.values() if hop is not None]))[:MOST_HOPS]
    behind: dict[int, list[_Hop]] = defaultdict(list)
    first = []
    kept = set(map(id, entered))
    for hop in entered:
        if hop.caller is not None and id(hop.caller) in kept:
            behind[id(hop.caller)].append(hop)
        else:
            first.append(hop)
    return tuple(_steps(first, behind, header))


def _callers_first(known: Mapping[str, Span]) -> Iterator[Span]:
    """Each span once, behind its parent."""
    met: set[str] = set()
    for span in known.values():
        chain = []
        at: Span | None = span
        while at is not None and at.id not in met:
            met.add(at.id)
            chain.append(at)
            at = known.get(at.parent)
        yield from reversed(chain)


def _hop(
    span: Span, known: Mapping[str, Span], workloads: Workloads, hops: Mapping[str, _Hop | None]
) -> _Hop | None:
    """The hop that a server span begins, or that a proxy did not reach; None for spans within a
    hop, or of no service.
    """
    unreached = _unreached(span, workloads)
    service, version = (unreached, "") if unreached else _workload(span, workloads)
    if not service or not (span.server or unreached):
        return None
    sent, at, caller = _sent(span) if unreached else "", known.get(span.parent), None
    for _ in range(_MOST_BETWEEN):
        if at is None:
            break
        sent = sent or _sent(at)
        caller = hops.get(at.id)
        if caller is not None:
            break
        at = known.get(at.parent)
    if caller is not None and caller.service == service and not sent:
        return None  # the service behind its own sidecar
    called = workloads.service(sent.rpartition("|")[2]) if sent != PASSTHROUGH else ""
    missing = called if called != service else ""
    routed = _routed(sent, workloads) if sent and not missing else None
    return _Hop(span, service, version, caller, routed, missing, not unreached)


def _unreached(span: Span, workloads: Workloads) -> str:
    """The service of a call for which a proxy had no pod; "" for any other span."""
    if not _NO_POD.intersection(span.attributes.get("response_flags", "").split(",")):
        return ""
    named = _sent(span).rpartition("|")[2]
    if not named and not span.server:  # the cluster is not there
        with suppress(ValueError):
            named = urlsplit(span.attributes.get("http.url", "")).hostname or ""
    return workloads.service(named)


def _sent(span: Span) -> str:
    """The cluster that a sidecar sent the span's call to; "" for any other span."""
    cluster = span.attributes.get("upstream_cluster", "")
    return cluster if cluster.startswith("outbound|") or cluster == PASSTHROUGH else ""


def _routed(cluster: str, workloads: Workloads) -> Routed:
    return Routed(workloads.chosen.get(cluster, frozenset()), ruled=cluster != PASSTHROUGH)


def _workload(span: Span, workloads: Workloads) -> tuple[str, str]:
    """The service of a span and its version; "" for what it does not tell."""
    told = span.attributes
    workload = workloads.pod(told.get("k8s.pod.name", ""))
    if workload == NOBODY:
        workload = workloads.workload(told.get("k8s.deployment.name", ""))
    if workload == NOBODY:
        workload = workloads.workload(told.get("service.name", ""))
    names = (told.get("istio.canonical_service", ""), told.get("service.name", ""))
    service = workload.service or next(filter(None, map(workloads.service, names)), "")
    versions = (told.get("istio.canonical_revision", ""), told.get("service.version", ""))
    return service, workload.version or next(filter(None, versions), "")


def _answering(hops: Sequence[_Hop]) -> Iterator[_Hop]:
    """The hops without the tries of a call that another try took over."""
    tries: dict[tuple[str, str], list[_Hop]] = defaultdict(list)
    reached = {(id(hop.caller), hop.service) for hop in hops if hop.answered}
    for hop in hops:
        if not hop.answered and (id(hop.caller), hop.service) in reached:
            continue
        tries[hop.span.parent or hop.span.id, hop.service].append(hop)
    for each in tries.values():
        right = [hop for hop in each if hop.span.status < 500]
        yield from right or [max(each, key=lambda hop: hop.span.began)]


def _steps(
    first: Sequence[_Hop], behind: Mapping[int, Sequence[_Hop]], header: str
) -> Iterator[Step]:
    left = [(hop, 0, hop.routed) for hop in reversed(first)]
    while left:
        hop, depth, routed = left.pop()
        calls = behind.get(id(hop), ())
        yield _step(hop, depth, calls, header, routed)
        traced = any(call.routed for call in calls)
        past = Routed(proxied=False) if traced else None
        left += [
            (call, depth + 1, call.routed or (None if call.missing else past))
            for call in reversed(calls)
        ]


def _step(hop: _Hop, depth: int, calls: Sequence[_Hop], header: str, routed: Routed | None) -> Step:
    took = max(0, hop.span.ended - hop.span.began) / 1e6
    slowest = max((max(0, c.span.ended - c.span.began) / 1e6 for c in calls), default=0.0)
    status = hop.span.status
    own_error = status >= 500 and all(call.span.status < 500 for call in calls)
    error = f"status {status}" if own_error else ""
    told = filter(None, map(hop.span.attributes.get, _BAGGAGE if header else ()))
    baggage = next(told, None)
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
