"""Calls, read from lines of Envoy's log: caller, callee, lane and status."""

from collections.abc import Mapping
from dataclasses import dataclass

from lanes.envoy import Json
from lanes.envoy.clusters import destinations
from lanes.evidence.grpc_status import status_of
from lanes.mesh.baggage import members
from lanes.mesh.model import Mesh
from lanes.page.tap import BY_WEIGHT, tags_of
from lanes.planning.lane_headers import assumed_headers
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Plan

GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Call:
    """One hop of a request.

    `caller` and `callee` are nodes; `caller` is `GATEWAY` for the gateway, `callee` is None if no
    pod answered. `lane` is None outside of the plan's lanes. `drawn` tells whether the gateway's
    weights chose the lane. `status` is 0 if the caller left before the answer; a gRPC status counts
    as the HTTP status that it maps to. `began` is Unix time in seconds.
    """

    caller: str
    callee: str | None
    service: str
    lane: str | None
    status: int
    seconds: float
    drawn: bool = False
    agent: str = ""
    began: float = 0.0

    @property
    def failed(self) -> bool:
        return self.status >= 500 or self.status == 0


def node(service: str, version: str) -> str:
    """Return the name of a node of the map: a version of a service."""
    return f"{service}/{version}"


class Reader:
    """Reads calls from log lines. `addresses` are those of pods, by their keys."""

    def __init__(self, mesh: Mesh, planned: Plan, addresses: Mapping[str, str]) -> None:
        self._nodes = {addresses[pod.key]: node(pod.app, pod.version) for pod in mesh.pods}
        self._services = {d.name: d.app for d in destinations(mesh)}
        self._names = {lane.name for lane in planned.lanes}
        self._tags = tags_of(planned)
        # On ASM, and where rules match it, the header names the lane at each hop. Elsewhere a
        # client may have sent the header, so baggage alone counts.
        header = planned.header
        trusted = header in assumed_headers(mesh) or any(
            pod.propagation.covers(header) for pod in mesh.pods
        )
        self._in_baggage_alone = set() if trusted else {header}

    def call(self, line: Json) -> Call | None:
        """Return the call of a log line; None if the caller is outside the mesh."""
        gateway = line["listener"] == "gateway"
        caller = GATEWAY if gateway else self._nodes.get(line["at"] or "")
        if caller is None:
            return None
        callee = self._nodes.get((line["to"] or "").rpartition(":")[0])
        authority = (line["authority"] or "").partition(":")[0].partition(".")[0]
        service = callee.partition("/")[0] if callee else self._services.get(line["cluster"] or "")
        return Call(
            caller=caller,
            callee=callee,
            service=service or authority,
            lane=self._lane(line),
            status=status_of(int(line["status"] or 0), line.get("grpc")),
            seconds=float(line["microseconds"] or 0) / 1_000_000,
            agent=line["agent"] or "",
            began=float(line["began"]),
            drawn=gateway and line["route"] == BY_WEIGHT,
        )

    def _lane(self, line: Json) -> str | None:
        baggage = members(line["baggage"] or "")
        for tag in self._tags:
            header = None if tag in self._in_baggage_alone else line["tags"][tag]
            lane = header or baggage.get(tag)
            if lane in self._names:
                return lane
        return UNTAGGED if UNTAGGED in self._names else None
