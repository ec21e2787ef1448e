"""Calls from the JSON access logs of Istio's proxies, one line for each call.

The fields are those of Istio's default format, optionally with `baggage`, `traceparent` and
`grpc_status`.
https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
"""

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lanes.evidence.calls import Call, trace_id
from lanes.evidence.grpc_status import status_of
from lanes.evidence.workloads import NOBODY, PASSTHROUGH, Workload, Workloads
from lanes.mesh.baggage import members

# `kubectl logs --prefix` writes this before a line: [pod/NAME/CONTAINER].
_PREFIX = re.compile(r"\[pod/([^/\]]+)/[^\]]*\]")
# `lanes` sends each request's trace id in the User-Agent, which every log format has.
_AGENT = re.compile(r"lanes/([0-9a-f]{32})")
_LONGEST = 65_536
_SNI = "requested_server_name"


@dataclass(frozen=True)
class Line:
    """One line: a call as one proxy logs it.

    `pod` is the name of the proxy's pod, "" if unknown. `inbound`: the pod received the call.
    `cluster` is "" where the proxy had none to send the call to. `secured`: the cluster that the
    caller's sidecar names when it begins TLS, "" for none; None if the format lacks the field.
    """

    pod: str
    inbound: bool
    cluster: str
    caller_address: str
    callee_address: str
    authority: str
    request: str
    agent: str
    status: int
    began: float
    seconds: float
    baggage: str | None
    traceparent: str
    secured: str | None

    @property
    def address(self) -> str:
        """The address of the proxy's own pod."""
        return self.callee_address if self.inbound else self.caller_address


def line_of(text: str) -> Line | None:
    """Return the call in a line; None for a line of another kind."""
    with suppress(ValueError, TypeError, RecursionError, OverflowError):
        start = text.index("{", 0, 512)
        fields = json.loads(text[start:_LONGEST])
        if isinstance(fields, dict) and "upstream_cluster" in fields:
            prefix = _PREFIX.match(text[:start].strip())
            return _line(fields, prefix[1] if prefix else _text(fields, "pod"))
    return None


def _line(fields: Mapping[str, Any], pod: str) -> Line:
    """Raises ValueError or TypeError for a malformed time or number."""
    cluster = _text(fields, "upstream_cluster")
    inbound = cluster.startswith("inbound|")
    client = _text(fields, "downstream_remote_address")
    # An outbound call that reached no upstream has the address of its client alone.
    caller = client if inbound else _text(fields, "upstream_local_address") or client
    callee = "downstream_local_address" if inbound else "upstream_host"
    began = datetime.fromisoformat(_text(fields, "start_time")).timestamp()
    return Line(
        pod,
        inbound,
        cluster.rstrip(";"),
        _host(caller),
        _host(_text(fields, callee)),
        _text(fields, "authority"),
        _text(fields, "request_id"),
        _text(fields, "user_agent"),
        status_of(int(fields.get("response_code") or 0), fields.get("grpc_status")),
        began,
        float(fields.get("duration") or 0) / 1000,
        _text(fields, "baggage") if "baggage" in fields else None,
        _text(fields, "traceparent"),
        _cluster_of(_text(fields, _SNI)) if _SNI in fields else None,
    )


def _cluster_of(server_name: str) -> str:
    """Return the cluster in a sidecar's SNI, such as `outbound_.8000_.v2_.cart.shop.svc...`."""
    return server_name.replace("_.", "|") if server_name.startswith("outbound_.") else ""


def calls(lines: Iterable[Line], workloads: Workloads, header: str) -> list[Call]:
    """Return the calls that the lines of all proxies record.

    The lines of a call's two proxies become one call. `header`: the baggage member that names the
    lane, for formats with baggage; "" for none.
    """
    lines = sorted(lines, key=lambda line: line.began)
    pods = _pods(lines, workloads)
    received: dict[tuple[str, str], deque[Line]] = defaultdict(deque)
    answered: dict[tuple[str, str], str] = {}
    for line in lines:
        if line.inbound:
            received[line.request, line.callee_address].append(line)
            answered[line.request, line.caller_address] = line.callee_address
    found = []
    for line in lines:
        if line.inbound:
            continue
        if line.cluster == PASSTHROUGH:  # its upstream is the address of a Service, or of a pod
            pod = answered.get((line.request, line.caller_address), line.callee_address)
            line = replace(line, callee_address=pod)
        inbound = received.get((line.request, line.callee_address)) if line.request else None
        received_as = inbound.popleft() if inbound else None
        found.append(_call(line, pods, workloads, header, received=received_as))
    unmatched = [line for queue in received.values() for line in queue]
    bare = _without_sidecar(lines, unmatched)
    for line in unmatched:
        proxied = line.caller_address not in pods or line.caller_address not in bare
        found.append(_call(line, pods, workloads, header, proxied=proxied))
    return [call for call in found if call is not None]


def _without_sidecar(lines: Sequence[Line], unmatched: Iterable[Line]) -> set[str]:
    """Return the addresses of callers without a sidecar, from inbound lines without an outbound.

    A sidecar that logs other calls would have logged these. A sidecar also names a cluster when it
    begins TLS, if the called pod gets TLS from others.
    """
    logging = {line.address for line in lines}
    secure = {line.address for line in lines if line.inbound and line.secured}
    return {
        line.caller_address
        for line in unmatched
        if not line.secured
        and (line.caller_address in logging or (line.secured == "" and line.address in secure))
    }


def _pods(lines: Iterable[Line], workloads: Workloads) -> dict[str, Workload]:
    """Return the workload at each address, by the name of its pod.

    If no pod at an address is named, the destinations of the calls to the address decide. A version
    is "" where they leave several.
    """
    named: dict[str, Workload] = {}
    sent: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for line in lines:
        workload = workloads.pod(line.pod) if line.pod else NOBODY
        if workload != NOBODY and line.address and line.cluster:
            named[line.address] = workload
        if line.cluster.startswith("outbound|") and line.callee_address:
            versions = workloads.reachable.get(line.cluster, frozenset())
            sent[line.callee_address].append((_called(line, workloads), versions))
    for address, destinations in sent.items():
        services = {service for service, _ in destinations}
        versions = frozenset.intersection(*(versions for _, versions in destinations))
        if address not in named and len(services) == 1 and all(services):
            named[address] = Workload(*services, *(versions if len(versions) == 1 else ("",)))
    return named


def _call(
    line: Line,
    pods: Mapping[str, Workload],
    workloads: Workloads,
    header: str,
    *,
    received: Line | None = None,
    proxied: bool = True,
) -> Call | None:
    """Return the call of a line; None if its caller or the called service is unknown.

    `received`: the same call as the called pod's proxy logs it. An inbound line is a call that the
    caller's proxy did not log: its times are by the clock of the called pod.
    """
    agent = _AGENT.fullmatch(line.agent)
    caller = pods.get(line.caller_address, NOBODY)
    callee = pods.get(line.callee_address, NOBODY)
    service = callee.service if line.inbound else _called(line, workloads) or callee.service
    if not service or (caller == NOBODY and not agent):
        return None
    lane_known = line.baggage is not None and bool(header)
    cluster = (line.secured or "") if line.inbound else line.cluster
    return Call(
        caller.service,
        line.caller_address,
        service,
        callee.version if callee.service == service else "",
        line.callee_address,
        members(line.baggage or "").get(header) if lane_known else None,
        workloads.chosen.get(cluster, frozenset()),
        line.status,
        line.began,
        line.seconds,
        agent[1] if agent else trace_id(line.traceparent),
        line.request,
        (received.began, received.began + received.seconds) if received else None,
        lane_known,
        proxied=proxied,
        ruled=cluster != PASSTHROUGH,
    )


def _called(line: Line, workloads: Workloads) -> str:
    """Return the service that a call was sent to; "" if the mesh has none of its name."""
    parts = line.cluster.split("|")
    host = parts[3] if len(parts) == 4 else line.authority.partition(":")[0]
    return workloads.service(host)


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return the field; "" if it is missing, or "-", which Envoy writes for none."""
    value = fields.get(name)
    return value if isinstance(value, str) and value != "-" else ""


def _host(address: str) -> str:
    """Return the address without its port."""
    return address.rpartition(":")[0].strip("[]")


def traces_of(lines: Iterable[Line]) -> Iterator[str]:
    """Yield the traces of the requests that the lines record."""
    return (agent[1] for line in lines if (agent := _AGENT.fullmatch(line.agent)))
