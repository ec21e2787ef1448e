"""Why nothing answers at a service, in words: what a legend says of its status."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lanes.model import Host, Mesh, ServicePort
from lanes.planning.hop import NONE, Hop
from lanes.planning.walk import Walk


@dataclass(frozen=True)
class Unanswered:
    """A hop where nothing answers a lane, and why."""

    lane: str
    hop: Hop
    reason: str


def unanswered(mesh: Mesh, lane: str, walk: Walk, hops: Iterable[Hop]) -> Iterator[Unanswered]:
    """Those of a lane's `hops` where nothing answers."""
    ports = {port.host: port for port in mesh.ports}
    for hop in hops:
        if hop.why == NONE:
            yield Unanswered(lane, hop, _reason(ports, walk, hop))


def _reason(ports: dict[Host, ServicePort], walk: Walk, hop: Hop) -> str:
    led = hop.hosts[1:]
    absent = [host for host in led if host not in ports]
    if hop.status == 404 and not hop.place.resource:
        return "no rule takes the lane here"
    if not led:
        weightless = hop.status == 500 and hop.place.resource.startswith("HTTPRoute ")
        return "no backend of the rule has a weight above 0" if weightless else "the rule says so"
    if len(absent) == len(led):
        names = ", ".join(dict.fromkeys(_full(host) for host in absent))
        return f"the rule names {names}, which is no Service here"
    if hop.status == 500:
        return "the rule names a Service that it may not lead to"
    runs = any(walk.lane in walk.versions_of(ports[host].names) for host in led if host in ports)
    if hop.note or runs or not walk.lane:
        return "no pod is there for it"
    return "the lane has no version here, and no fallback"


def _full(host: Host) -> str:
    return f"{host.name}.{host.namespace}" if host.namespace else host.name
