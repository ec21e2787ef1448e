"""What stand-ins do in place of programs other than the sample.

The sample calls the URLs of `upstream_url` and propagates baggage. In place of another program, it
makes the calls that the plan knows, and propagates the headers that the plan assumes.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field

from lanes.mesh.model import Mesh
from lanes.planning.lane_headers import assumed_headers
from lanes.running.calling import (
    LeftOut,
    bypassing,
    in_cycles,
    known_calls,
    most_hops,
    without,
)

# With 128 on two busy cores, one answer in twenty to eight clients was too late (429, 504).
MOST_HOPS = 100


@dataclass(frozen=True)
class StandIns:
    """What the stand-ins for other programs do.

    `urls` are their calls, by the pod's key; `propagated` the headers that they propagate;
    `notes` sentences for the user.
    """

    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    propagated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def stand_ins(mesh: Mesh) -> StandIns:
    """Return what the stand-ins for other programs do in a mesh."""
    imitating = [pod for pod in mesh.pods if pod.imitates]
    known = known_calls(mesh)
    if not any(known[pod.key] for pod in imitating):
        return StandIns()
    bypasses = bypassing(mesh, known)
    routed = without(known, bypasses)
    cycles = in_cycles(mesh, routed)
    made = without(routed, cycles)
    most = most_hops(mesh, made)
    if most > MOST_HOPS:
        return StandIns(notes=(f"stand-ins call nobody: a request would make {most:,} calls",))
    namespaces = {pod.key: pod.namespace for pod in imitating}
    urls = {
        key: tuple(call.url(namespace) for call in made[key])
        for key, namespace in namespaces.items()
        if made[key]
    }
    propagated = tuple(sorted(assumed_headers(mesh))) if urls else ()
    dropping = [pod.app for pod in imitating if pod.carries_baggage is False and pod.key in urls]
    notes = (
        _left_out(namespaces, bypasses, "bypasses its sidecar", "bypass their sidecars"),
        _left_out(namespaces, cycles, "is part of a cycle", "are part of a cycle"),
        _propagation_note(propagated, dict.fromkeys(dropping)),
    )
    return StandIns(urls, propagated, tuple(filter(None, notes)))


def _left_out(pods: Container[str], left_out: LeftOut, singular: str, plural: str) -> str:
    """Return a note on the pods' calls that are left out, and why; "" if there are none."""
    calls = dict.fromkeys(call for (key, _), call in left_out.items() if key in pods)
    why = singular if len(calls) == 1 else plural
    return f"stand-ins leave out {', '.join(calls)}, which {why}" if calls else ""


def _propagation_note(headers: Collection[str], dropping: Collection[str]) -> str:
    """Return a note on the headers that stand-ins propagate, and the services that drop them."""
    if not headers:
        return ""
    note = f"stand-ins propagate {', '.join(headers)}, as your services have to"
    if dropping:
        services = ", ".join(dropping)
        note += f"; not those of {services}, whose OpenTelemetry does not propagate baggage"
    return note
