"""What answers a lane at one service, and why; what it calls stands behind it."""

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal, NamedTuple

from lanes.mesh.diagnostics import Place
from lanes.mesh.model import (
    NO_VARIANT,
    Host,
)
from lanes.mesh.traffic import NO_PROPAGATION, Abort, Propagation
from lanes.planning import messages


class Reason(StrEnum):
    """Why a lane is answered by these versions of a service.

    - match: by the lane's own version; a request without a lane has any for its own
    - fallback: by another lane's, since the lane has no version here
    - split: by several, whatever the lane
    - unsupported: nobody knows, since what decides it is not supported
    - none: by none; `Hop.status` is what the mesh answers instead
    - caught: another lane's rule also matches this lane
    - shadowed: a rule that matches every request precedes the lane's own
    - lost: the lane header does not reach the service
    - unselected: the lane's version runs here, and its rule does not select it
    - mixed: its rule selects other versions as well
    - no-failover: the same, since failoverPriority has no effect without outlierDetection
    - unrouted: the lane's version runs here, and no rule routes to it
    """

    MATCH = "match"
    FALLBACK = "fallback"
    SPLIT = "split"
    UNSUPPORTED = "unsupported"
    NONE = "none"
    CAUGHT = "caught"
    SHADOWED = "shadowed"
    LOST = "lost"
    UNSELECTED = "unselected"
    MIXED = "mixed"
    NO_FAILOVER = "no-failover"
    UNROUTED = "unrouted"


MISROUTED = (
    Reason.CAUGHT,
    Reason.SHADOWED,
    Reason.LOST,
    Reason.UNSELECTED,
    Reason.MIXED,
    Reason.NO_FAILOVER,
    Reason.UNROUTED,
)
"""Why a lane whose version runs at a service is answered by none of it, or by another lane's."""


@dataclass(frozen=True)
class Misrouted:
    """Where a lane leaves its path: the reason, one of `MISROUTED`, and what its sentence names.

    `version`: of caught, the lane whose rule matches; else the version that runs unused. `subsets`:
    of unselected, those that the rule names; (): it names a Service.
    """

    reason: Reason
    version: str = ""
    subsets: tuple[str, ...] = ()

    def __str__(self) -> str:
        rule = f"subset {', '.join(self.subsets)}" if self.subsets else "its rule"
        return messages.MISROUTED[self.reason].format(version=self.version, rule=rule)


@dataclass(frozen=True)
class Unanswered:
    """Why nothing answers; `hosts` of no-service and no-port: those that the rule names."""

    code: Literal[
        "no-rule",
        "answers-itself",
        "no-weight",
        "no-service",
        "not-permitted",
        "tls-refused",
        "no-subset",
        "no-port",
        "no-pods",
        "no-version",
    ]
    hosts: tuple[Host, ...] = ()

    def __str__(self) -> str:
        names = (host.with_namespace for host in self.hosts)
        return messages.UNANSWERED[self.code].format(hosts=", ".join(dict.fromkeys(names)))


class CallKey(NamedTuple):
    """All that decides how a call is answered; `variant`: see `ServicePort.variant`."""

    host: Host
    port: int = 0
    path: str = ""
    headers: frozenset[tuple[str, str]] = frozenset()
    propagation: Propagation = NO_PROPAGATION
    variant: int = NO_VARIANT


@dataclass(frozen=True)
class HopPart:
    """One Service that a hop's rule leads to, the versions that answer there, and its share.

    `service` has its namespace behind it where that is not the called Service's. `pods`: the names
    and versions that its pods answer with.
    """

    service: str
    versions: tuple[str, ...]
    share: float
    pods: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False, repr=False)


@dataclass(frozen=True)
class Hop:
    """What answers a lane at the Service that is called.

    `versions` holds one version, or several where a rule splits or leaves the choice open, or
    none where nothing answers; `shares` are their parts, 0 to 1, or () where the rules do not say.
    `parts`: the Services that answer, where the versions alone do not say which; (): they do.
    `port`: the Service's that is called. `pods`: the names and versions that the pods answer with;
    empty: the service's own.
    `misrouted` says more where the lane leaves its path, `unanswered` where nothing answers, and
    `unsupported` where that is not known.
    `place` is where the rule stands, `hosts` the Services that led here, `namespace` that of the
    pods; "" where nothing answers, or the manifests leave it open. `failing`: the shares of the
    calls that get another status, by a fault or by a part of a split without pods. `assumed`: it
    calls others, and the manifests do not say that it hands the lane header on. `injected`: the
    OpenTelemetry Operator is asked to bring all its pods Python's instrumentation.

    Callers whose calls are answered alike share one hop, so a net of calls has as many hops as its
    services' rules make differences. `repeats`: the earlier call that this one is again, in a
    cycle; its upstreams stand there. `may_stop`: no `upstream_url` says whom it calls, so it may
    end a cycle.
    """

    service: str
    versions: tuple[str, ...]
    reason: Reason
    upstreams: tuple["Hop", ...] = ()
    status: int = 200
    namespace: str = ""
    shares: tuple[float, ...] = ()
    misrouted: Misrouted | None = None
    unsupported: str = ""
    unanswered: Unanswered | None = field(default=None, compare=False)
    place: Place = field(default=Place(), compare=False)
    hosts: tuple[Host, ...] = field(default=(), compare=False)
    assumed: bool = field(default=False, compare=False)
    failing: tuple[Abort, ...] = ()
    repeats: CallKey | None = field(default=None, compare=False)
    may_stop: bool = field(default=False, compare=False)
    injected: bool = field(default=False, compare=False)
    parts: tuple[HopPart, ...] = ()
    port: int = field(default=0, compare=False)
    pods: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)

    @property
    def answering(self) -> frozenset[tuple[str, str]]:
        """The names and versions that pods answer with here."""
        return self.pods or frozenset((self.service, version) for version in self.versions)

    @property
    def names(self) -> frozenset[str]:
        """What a step of an answer may be called here; by the Service where no pod answered."""
        return frozenset(name for name, _ in self.answering) | {self.service}

    def holds(self, service: str, version: str) -> bool:
        """Tell whether a pod of this name and version, or none where none is planned, is right.

        Manifests that name no version leave it to the service. Anything is right where the plan
        does not know.
        """
        if self.reason == Reason.UNSUPPORTED:
            return True
        fitting = {known for name, known in self.answering if service in (name, self.service)}
        return version in (fitting or ("",)) or "" in fitting

    @property
    def version(self) -> str:
        """Its versions as one word."""
        return "|".join(self.versions)

    @property
    def own(self) -> Hashable:
        """What answers here, without the reason and without what it calls."""
        answering = self.versions, self.shares, self.parts
        known = self.status, self.namespace, self.failing, self.unsupported
        return self.service, answering, *known

    @cached_property
    def answer(self) -> bytes:
        """A digest of what answers here and behind it: equal where the answers are."""
        behind = [upstream.answer for upstream in self.upstreams]
        return hashlib.sha256(repr((self.own, behind)).encode()).digest()

    @cached_property
    def depth(self) -> int:
        """How many hops the longest chain of calls behind it has."""
        return max((1 + upstream.depth for upstream in self.upstreams), default=0)

    def walk(self) -> Iterator["Hop"]:
        """Yield this hop and those behind it in the order of the answer, each once, no repeats."""
        met: set[int] = set()
        ahead = [self]
        while ahead:
            hop = ahead.pop()
            if id(hop) not in met and hop.repeats is None:
                met.add(id(hop))
                yield hop
                ahead += reversed(hop.upstreams)

    def calls(self) -> Iterator["Hop"]:
        """Yield the hops as an answer lists them: one that several call as often as they do.

        There may be far more than there are hops: as many as there are chains of calls.
        """
        yield self
        for upstream in self.upstreams:
            yield from upstream.calls()

    def straight(self, callers: frozenset[str] = frozenset()) -> Iterator["Hop"]:
        """Yield the same without calls back to `callers`, where these may be left out."""
        yield self
        callers |= {self.service}
        for upstream in self.upstreams:
            if not self.may_stop or upstream.service not in callers:
                yield from upstream.straight(callers)
