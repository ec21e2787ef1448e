"""What stand-ins do in place of programs of which only manifests tell.

The sample calls whom `upstream_url` names, and hands baggage on. In place of any other program it
makes the calls that the plan knows of, and hands on the headers that the plan assumes it to.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field

from lanes.mesh.model import Mesh
from lanes.planning.lane_headers import assumed_headers
from lanes.running.calling import (
    LeftOut,
    in_cycles,
    known_calls,
    most_calls,
    passing_by,
    without,
)

# With 128, on two busy cores, eight clients got one answer in twenty too late (429, 504).
MOST_CALLS = 100


@dataclass(frozen=True)
class StandIns:
    """`urls`: whom they call, by the pod's key, where its manifest sets no `upstream_url`.
    `handed_on`: the headers that these hand on. `notes`: sentences that the user has to know.
    """

    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handed_on: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def stand_ins(mesh: Mesh) -> StandIns:
    """What the stand-ins of a mesh do, but for the sample's own."""
    imitating = [pod for pod in mesh.pods if pod.imitates]
    known = known_calls(mesh)
    if not any(known[pod.key] for pod in imitating):
        return StandIns()
    past = passing_by(mesh, known)
    routed = without(known, past)
    cycles = in_cycles(mesh, routed)
    made = without(routed, cycles)
    most = most_calls(mesh, made)
    if most > MOST_CALLS:
        return StandIns(notes=(f"stand-ins call nobody: a request would make {most:,} calls",))
    places = {pod.key: pod.namespace for pod in imitating}
    urls = {
        key: tuple(call.url(namespace) for call in made[key])
        for key, namespace in places.items()
        if made[key]
    }
    handed_on = tuple(sorted(assumed_headers(mesh))) if urls else ()
    deaf = [pod.app for pod in imitating if pod.carries_baggage is False and pod.key in urls]
    notes = (
        _left_out(places, past, "bypasses its sidecar", "bypass their sidecars"),
        _left_out(places, cycles, "is part of a cycle", "are part of a cycle"),
        _handing_on(handed_on, dict.fromkeys(deaf)),
    )
    return StandIns(urls, handed_on, tuple(filter(None, notes)))


def _left_out(own: Container[str], left_out: LeftOut, one: str, more: str) -> str:
    """Which calls of one's `own` are left out, and why; "" where none is."""
    words = dict.fromkeys(words for (key, _), words in left_out.items() if key in own)
    why = one if len(words) == 1 else more
    return f"stand-ins leave out {', '.join(words)}, which {why}" if words else ""


def _handing_on(headers: Collection[str], deaf: Collection[str]) -> str:
    if not headers:
        return ""
    said = f"stand-ins propagate {', '.join(headers)}, as your services have to"
    if deaf:
        said += f"; not those of {', '.join(deaf)}, whose OpenTelemetry does not propagate baggage"
    return said
