"""A line of the proxies' log is a call: who asked whom, in which lane, and what came of it."""

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

    `caller` is the room of the pod that asks, or `GATEWAY`; `callee` that of the one that answered,
    None where nobody did. `lane`: None where it is none of the plan's. `drawn`: the gateway's
    weights chose it. `status` 0: the caller went away before there was an answer; that of a call by
    gRPC is the one that its gRPC status stands for. `began` is the time of the clock, in seconds.
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


def room(service: str, version: str) -> str:
    """What a version of a service is called on the map."""
    return f"{service}/{version}"


class Reader:
    """Makes calls of log lines, by the addresses of a mesh's pods."""

    def __init__(self, mesh: Mesh, planned: Plan, addresses: Mapping[str, str]) -> None:
        self._rooms = {addresses[pod.key]: room(pod.app, pod.version) for pod in mesh.pods}
        self._services = {d.name: d.app for d in destinations(mesh)}
        self._names = {lane.name for lane in planned.lanes}
        self._tags = tags_of(planned)
        # On ASM the lane is a header, too, wherever requests are routed. Elsewhere a header of that
        # name is whatever a client sent, unless rules ask for it.
        header = planned.header
        known = header in assumed_headers(mesh) or any(
            p.propagation.covers(header) for p in mesh.pods
        )
        self._in_baggage_alone = set() if known else {header}

    def call(self, line: Json) -> Call | None:
        """The call that a line tells of; None where it is from outside the mesh."""
        gateway = line["listener"] == "gateway"
        caller = GATEWAY if gateway else self._rooms.get(line["at"] or "")
        if caller is None:
            return None
        callee = self._rooms.get((line["to"] or "").rpartition(":")[0])
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
