"""What answers a lane at one service, and why; what it calls stands behind it."""

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lanes.model import Abort, Host, Place

MATCH, FALLBACK, SPLIT, NONE = "match", "fallback", "split", "none"
CAUGHT, SHADOWED, LOST = "caught", "shadowed", "lost"
UNSELECTED, UNROUTED = "unselected", "unrouted"

# Why a lane whose version runs at a service is answered by none of it, or by another lane's.
MISROUTED = (CAUGHT, SHADOWED, LOST, UNSELECTED, UNROUTED)


# What a call is answered by: its host, and all else that decides.
Asked = tuple[Host, *tuple[Hashable, ...]]


@dataclass(frozen=True)
class Hop:
    """What answers a lane at one service.

    `versions` holds one version, or several where a rule splits or leaves the choice open, or
    none where nothing answers; `shares` are their parts, 0 to 1, where the rules tell. `why`:

    - match: the lane's own; a request without a lane has any for its own
    - fallback: another's, since the lane has no version here
    - split: several, whatever the lane
    - caught: another lane's, whose rule takes this lane as well
    - shadowed: a rule that takes every request stands before the lane's own
    - lost: the lane's tag does not reach the service
    - unselected: the lane's version runs here, and what its rule selects is not it
    - unrouted: the lane's version runs here, and no rule leads to it
    - none: nothing answers, and `status` is what the mesh answers instead

    `note` says more in words, `place` where the rule stands, `hosts` which Services led here.
    `assumed`: it calls others, and nothing tells that it hands the lane's tag on. `namespace` is
    that of the pods; "" where nothing answers, or the manifests leave it open. `failing`: what
    shares of the calls get in place of all this, by a fault, or by a part of a split without pods.

    Callers whose calls are answered alike share one hop, so that a net of calls has no more hops
    than its services' rules make differences. `repeats`: the call that this one repeats, which goes
    round to where it came from; what that one's pods call is told there, and not here. `may_stop`:
    no `upstream_url` says whom it calls, so it may know when to stop.
    """

    service: str
    versions: tuple[str, ...]
    why: str
    upstreams: tuple["Hop", ...] = ()
    status: int = 200
    namespace: str = ""
    shares: tuple[float, ...] = ()
    note: str = ""
    place: Place = field(default=Place(), compare=False)
    hosts: tuple[Host, ...] = field(default=(), compare=False)
    assumed: bool = field(default=False, compare=False)
    failing: tuple[Abort, ...] = ()
    repeats: Asked | None = field(default=None, compare=False, repr=False)
    may_stop: bool = field(default=False, compare=False, repr=False)

    @property
    def version(self) -> str:
        return "|".join(self.versions)

    @property
    def own(self) -> Hashable:
        """What answers here, whatever the reasons, without what it calls."""
        versions, shares = self.versions, self.shares
        return self.service, versions, self.status, self.namespace, shares, self.failing

    @cached_property
    def answer(self) -> bytes:
        """A digest of what answers here and behind it: equal where the answers are."""
        behind = [upstream.answer for upstream in self.upstreams]
        return hashlib.sha256(repr((self.own, behind)).encode()).digest()

    @cached_property
    def depth(self) -> int:
        """How many hops the longest way behind it has."""
        return max((1 + upstream.depth for upstream in self.upstreams), default=0)

    def walk(self) -> Iterator["Hop"]:
        """This hop, then those behind it in the order of the answer, each once, and none again."""
        met: set[int] = set()
        ahead = [self]
        while ahead:
            hop = ahead.pop()
            if id(hop) not in met and hop.repeats is None:
                met.add(id(hop))
                yield hop
                ahead += reversed(hop.upstreams)

    def calls(self) -> Iterator["Hop"]:
        """The same as the answer tells them: a hop that several call as often as they do.

        They may be far more than there are hops: as many as there are ways through the mesh.
        """
        yield self
        for upstream in self.upstreams:
            yield from upstream.calls()

    def straight(self, way: frozenset[str] = frozenset()) -> Iterator["Hop"]:
        """The same without those to a service on the `way`, where the caller may know to stop."""
        yield self
        way |= {self.service}
        for upstream in self.upstreams:
            if not self.may_stop or upstream.service not in way:
                yield from upstream.straight(way)
