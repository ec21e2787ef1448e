"""Who walks through the mesh, and what is known there on the way."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from lanes.model import Mesh
from lanes.planning import baggage
from lanes.planning.call_graph import CallGraph
from lanes.planning.hop import Asked, Hop
from lanes.planning.request import Request

Hops = tuple[Hop, ...]
Running = Mapping[tuple[str, str], Set[str]]


@dataclass(frozen=True)
class Walk:
    """Who walks: a lane ("": a request without one), its tag's header, and the lanes beside it.

    `running`: see the function of this name. `assumed`: the headers that services hand on by
    themselves, if they do.

    What it has met: `met`, the hops, each by all that decides how a call is answered, None while
    one is under way; `back`, those of calls that lead to one under way; `always`, which calls are
    made whenever one is; `alike`, hops that have to answer alike, and what is wrong if they do not.
    """

    mesh: Mesh
    calls: CallGraph
    running: Running
    lane: str
    header: str = ""
    others: frozenset[str] = frozenset()
    assumed: frozenset[str] = frozenset()
    met: dict[Asked, Hop | None] = field(default_factory=dict, compare=False)
    back: dict[Asked, Hop] = field(default_factory=dict, compare=False)
    always: dict[Asked, list[Asked]] = field(default_factory=dict, compare=False)
    alike: list[tuple[Hops, Hops, str]] = field(default_factory=list, compare=False)

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return f"lane {self.lane or 'untagged'}"

    @cached_property
    def ending(self) -> "Walk":
        """The same walk where no service calls any, so that it meets nothing."""
        return replace(self, calls=self.calls.none())

    def whole(self, hop: Hop) -> Hop:
        """The hop, or the one that it stands for once more, with all that this calls."""
        return self.met.get(hop.repeats) or hop if hop.repeats else hop

    def versions_of(self, names: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The versions that run of pods with these names and namespaces."""
        return frozenset(version for name in names for version in self.running.get(name, ()))

    def as_lane(self, request: Request, lane: str) -> Request:
        """`request` as it would be in another lane."""
        if self.header in self.assumed:
            return replace(request, headers={**request.headers, self.header: lane})
        carried = baggage.with_member(request.headers.get("baggage", ""), self.header, lane)
        headers = {**request.headers, "baggage": carried}
        return replace(request, headers=headers)


def running(mesh: Mesh) -> Running:
    """The versions that run, by the name that pods answer with and their namespace."""
    found: dict[tuple[str, str], set[str]] = {}
    for pod in mesh.pods:
        found.setdefault((pod.app, pod.namespace), set()).add(pod.version)
    return found
