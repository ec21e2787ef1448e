"""Envoy's access logs as Istio's proxies write them in JSON, a line a call.

The fields are those of Istio's default format; `baggage`, `traceparent` and `grpc_status` may be
added to it.
https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
"""

import json
import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lanes.evidence.calls import Call, trace_id
from lanes.evidence.grpc_status import status_of
from lanes.evidence.workloads import NOBODY, PASSTHROUGH, Workload, Workloads
from lanes.mesh.baggage import members

# What `kubectl logs --prefix` writes before a line: [pod/NAME/CONTAINER].
_PREFIX = re.compile(r"\[pod/([^/\]]+)/[^\]]*\]")
# Who sends requests here tells each one's trace by its User-Agent, which every format has.
_AGENT = re.compile(r"lanes/([0-9a-f]{32})")
_LONGEST = 65_536
_SNI = "requested_server_name"


@dataclass(frozen=True)
class Line:
    """One line: a call as one proxy saw it. `pod` is the proxy's, by its name, "" where nothing
    tells; `own` its address. `inbound`: it is the proxy of the pod that was called. `cluster` is ""
    where the proxy had nowhere to send the call. `secured`: the cluster that the caller's sidecar
    names as it begins TLS, "" without; None where the format does not tell.
    """

    pod: str
    inbound: bool
    cluster: str
    own: str
    peer: str
    remote: str
    authority: str
    request: str
    agent: str
    status: int
    began: float
    seconds: float
    baggage: str | None
    traceparent: str
    secured: str | None


def line_of(text: str) -> Line | None:
    """The call that a line tells of; None for any other line."""
    with suppress(ValueError, TypeError, RecursionError, OverflowError):
        start = text.index("{", 0, 512)
        told = json.loads(text[start:_LONGEST])
        if isinstance(told, dict) and "upstream_cluster" in told:
            prefix = _PREFIX.match(text[:start].strip())
            return _line(told, prefix[1] if prefix else _text(told, "pod"))
    return None


def _line(told: Mapping[str, Any], pod: str) -> Line:
    """Raises ValueError for what is no time or number."""
    cluster = _text(told, "upstream_cluster")
    inbound = cluster.startswith("inbound|")
    own = _text(told, "downstream_local_address") if inbound else _sender(told)
    began = datetime.fromisoformat(_text(told, "start_time")).timestamp()
    return Line(
        pod,
        inbound,
        cluster.rstrip(";"),
        _address(own),
        _address(_text(told, "upstream_host")),
        _address(_text(told, "downstream_remote_address")),
        _text(told, "authority"),
        _text(told, "request_id"),
        _text(told, "user_agent"),
        status_of(int(told.get("response_code") or 0), told.get("grpc_status")),
        began,
        float(told.get("duration") or 0) / 1000,
        _text(told, "baggage") if "baggage" in told else None,
        _text(told, "traceparent"),
        _cluster_of(_text(told, _SNI)) if _SNI in told else None,
    )


def _sender(told: Mapping[str, Any]) -> str:
    """The address that a call was sent from; where it was sent nowhere, that of who made it."""
    return _text(told, "upstream_local_address") or _text(told, "downstream_remote_address")


def _cluster_of(name: str) -> str:
    """The cluster that a sidecar names as the server, `outbound_.8000_.v2_.cart.shop.svc...`."""
    return name.replace("_.", "|") if name.startswith("outbound_.") else ""


def calls(lines: Iterable[Line], workloads: Workloads, header: str) -> list[Call]:
    """Return the calls that the lines of all proxies together tell of.

    What the two proxies of a call log is one call. `header`: the baggage member that names the
    lane, for formats with baggage; "" where none does.
    """
    lines = sorted(lines, key=lambda line: line.began)
    pods = _pods(lines, workloads)
    received: dict[tuple[str, str], deque[Line]] = defaultdict(deque)
    answered: dict[tuple[str, str], str] = {}
    for line in lines:
        if line.inbound:
            received[line.request, line.own].append(line)
            answered[line.request, line.remote] = line.own
    found = []
    for line in lines:
        if line.inbound:
            continue
        if line.cluster == PASSTHROUGH:  # its peer is a Service's address, or a pod's
            line = replace(line, peer=answered.get((line.request, line.own), line.peer))
        at = received.get((line.request, line.peer)) if line.request else None
        found.append(_sent(line, at.popleft() if at else None, pods, workloads, header))
    left = [line for each in received.values() for line in each]
    bare = _without_sidecar(lines, left)
    found += (_unsent(line, pods, workloads, header, bare) for line in left)
    return [call for call in found if call is not None]


def _without_sidecar(lines: Sequence[Line], left: Iterable[Line]) -> set[str]:
    """Return the addresses whose calls, `left` without a line of their caller, no sidecar sent.

    A sidecar that logs other calls would have logged these; and it names a cluster as it begins
    TLS, if the pod that is called gets TLS from others.
    """
    logging = {line.own for line in lines}
    secure = {line.own for line in lines if line.inbound and line.secured}
    return {
        line.remote
        for line in left
        if not line.secured
        and (line.remote in logging or (line.secured == "" and line.own in secure))
    }


def _pods(lines: Iterable[Line], workloads: Workloads) -> dict[str, Workload]:
    """The workloads at addresses: by the names of pods or, where no pod at an address is named,
    by what the destinations of all calls there have in common. A version is "" where that is
    several.
    """
    named: dict[str, Workload] = {}
    sent: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for line in lines:
        workload = workloads.pod(line.pod) if line.pod else NOBODY
        if workload != NOBODY and line.own and line.cluster:
            named[line.own] = workload
        if line.cluster.startswith("outbound|") and line.peer:
            service = _called(line, workloads)
            sent[line.peer].append((service, workloads.reachable.get(line.cluster, frozenset())))
    for address, destinations in sent.items():
        services = {service for service, _ in destinations}
        versions = frozenset.intersection(*(versions for _, versions in destinations))
        if address not in named and len(services) == 1:
            named[address] = Workload(*services, *(versions if len(versions) == 1 else ("",)))
    return named


def _sent(
    line: Line,
    received: Line | None,
    pods: Mapping[str, Workload],
    workloads: Workloads,
    header: str,
) -> Call | None:
    agent = _AGENT.fullmatch(line.agent)
    caller = pods.get(line.own, NOBODY)
    if caller == NOBODY and not agent:
        return None
    callee = pods.get(line.peer, NOBODY)
    service = _called(line, workloads) or callee.service
    if not service:
        return None
    lane, known = _lane(line, header)
    return Call(
        "" if caller == NOBODY else caller.service,
        line.own,
        service,
        callee.version if callee.service == service else "",
        line.peer,
        lane,
        workloads.chosen.get(line.cluster, frozenset()),
        line.status,
        line.began,
        line.seconds,
        agent[1] if agent else trace_id(line.traceparent),
        line.request,
        (received.began, received.began + received.seconds) if received else None,
        known,
        ruled=line.cluster != PASSTHROUGH,
    )


def _unsent(
    line: Line,
    pods: Mapping[str, Workload],
    workloads: Workloads,
    header: str,
    bare: Collection[str],
) -> Call | None:
    """A call that the proxy of its caller did not log; `bare` have none.

    When it came is by the clock of the pod that answered: here alone, two clocks are compared.
    """
    agent = _AGENT.fullmatch(line.agent)
    caller, callee = pods.get(line.remote, NOBODY), pods.get(line.own, NOBODY)
    if callee == NOBODY or (caller == NOBODY and not agent):
        return None
    lane, known = _lane(line, header)
    return Call(
        caller.service,
        line.remote,
        callee.service,
        callee.version,
        line.own,
        lane,
        workloads.chosen.get(line.secured or "", frozenset()),
        line.status,
        line.began,
        line.seconds,
        agent[1] if agent else trace_id(line.traceparent),
        line.request,
        None,
        known,
        proxied=caller == NOBODY or line.remote not in bare,
    )


def _called(line: Line, workloads: Workloads) -> str:
    """The service that a call was sent to; "" where the mesh has none of its name."""
    parts = line.cluster.split("|")
    host = parts[3] if len(parts) == 4 else line.authority.partition(":")[0]
    return workloads.service(host)


def _lane(line: Line, header: str) -> tuple[str | None, bool]:
    if line.baggage is None or not header:
        return None, False
    return members(line.baggage).get(header), True


def _text(told: Mapping[str, Any], name: str) -> str:
    """The field; "" where it is missing, or "-" as Envoy writes it."""
    value = told.get(name)
    return value if isinstance(value, str) and value != "-" else ""


def _address(text: str) -> str:
    """The address without its port."""
    return text.rpartition(":")[0].strip("[]")


def traced_in(lines: Iterable[Line]) -> Iterator[str]:
    """The traces of the requests that the lines tell of."""
    return (agent[1] for line in lines if (agent := _AGENT.fullmatch(line.agent)))
