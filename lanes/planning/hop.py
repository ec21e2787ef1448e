"""A hop: the pods that answer a lane at one service, the reason, and the hops behind it."""

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal, NamedTuple

from lanes.mesh.diagnostics import Place
from lanes.mesh.model import NO_VARIANT, Host
from lanes.mesh.traffic import NO_PROPAGATION, Abort, Propagation
from lanes.planning import messages


class Reason(StrEnum):
    """Why these versions of a service answer a lane.

    - match: the lane's own version answers; for a request without a lane, any version does
    - fallback: another version answers, since the lane has none here
    - split: several versions answer, whatever the lane
    - unsupported: a field that may choose the version is not supported
    - none: no pod answers; the mesh answers with `Hop.status`
    - caught: another lane's rule also matches this lane
    - shadowed: a rule that matches every request precedes the lane's own
    - lost: the lane header does not reach the service
    - unselected: the lane's version runs here, and its rule does not select it
    - mixed: its rule also selects other versions
    - no-failover: as mixed, since failoverPriority has no effect without outlierDetection
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
"""Why the lane's version runs at a service, and other pods or none answer."""


@dataclass(frozen=True)
class Misrouted:
    """Why a lane leaves its path, with the values of the sentence; `reason` is in `MISROUTED`.

    `version`: of caught, the lane whose rule matches; else the version that runs unused. `subsets`:
    the subsets that the rule names; () if it names a Service.
    """

    reason: Reason
    version: str = ""
    subsets: tuple[str, ...] = ()

    def __str__(self) -> str:
        rule = f"subset {', '.join(self.subsets)}" if self.subsets else "its rule"
        return messages.MISROUTED[self.reason].format(version=self.version, rule=rule)


@dataclass(frozen=True)
class Unanswered:
    """Why no pod answers; for no-service and no-port with the hosts that the rule names."""

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
    """Everything that the answer to a call depends on; `variant`: see `ServicePort.variant`."""

    host: Host
    port: int = 0
    path: str = ""
    headers: frozenset[tuple[str, str]] = frozenset()
    propagation: Propagation = NO_PROPAGATION
    variant: int = NO_VARIANT


@dataclass(frozen=True)
class HopPart:
    """A Service that a hop's rule leads to, the versions that answer there, and its share.

    `service` is NAME.NAMESPACE if the called Service has another namespace. `pods`: the names and
    versions that its pods answer with.
    """

    service: str
    versions: tuple[str, ...]
    share: float
    pods: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False, repr=False)


@dataclass(frozen=True)
class Hop:
    """The answer to a lane's call of a Service. Equal calls share one hop.

    - versions: one; several if a rule splits or leaves the choice open; () if no pod answers
    - shares: the shares of `versions`, 0 to 1; () if the rules do not define them
    - parts: the Services that answer, if `versions` alone do not identify them; else ()
    - port: of the called Service
    - pods: the names and versions that pods answer with; empty: the service's name, `versions`
    - misrouted: why the lane leaves its path
    - unanswered: why no pod answers
    - unsupported: why the answer is not known
    - place: of the rule
    - hosts: the called Service, then the destinations of the rule
    - namespace: of the pods; "" if no pod answers, or manifests name none
    - failing: the shares of calls that get another status, by a fault or a part without pods
    - assumed: it calls others, and the plan assumes that it propagates the lane header
    - injected: the OpenTelemetry Operator instruments Python in all its pods
    - repeats: in a cycle, the earlier call that this one repeats; that hop has the upstreams
    - may_stop: it may make fewer calls than planned, since no `upstream_url` lists them
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
        """The names and versions that pods answer with."""
        return self.pods or frozenset((self.service, version) for version in self.versions)

    @property
    def names(self) -> frozenset[str]:
        """The names that this hop may have in an answer: of its pods, and of the Service."""
        return frozenset(name for name, _ in self.answering) | {self.service}

    def allows(self, service: str, version: str) -> bool:
        """Tell whether the plan allows an answer by this name and version; "": no pod answered.

        Any version is right if manifests name none. Any answer is right if a field is not
        supported.
        """
        if self.reason == Reason.UNSUPPORTED:
            return True
        versions = {known for name, known in self.answering if service in (name, self.service)}
        return version in (versions or ("",)) or "" in versions

    @property
    def version(self) -> str:
        """Its versions, joined by "|"."""
        return "|".join(self.versions)

    @property
    def local_answer(self) -> Hashable:
        """A key for the answer of this hop, without the reason and the hops behind it."""
        answering = self.versions, self.shares, self.parts
        return (
            self.service,
            answering,
            self.status,
            self.namespace,
            self.failing,
            self.unsupported,
        )

    @cached_property
    def answer(self) -> bytes:
        """A digest of the answers of this hop and of those behind it."""
        behind = [upstream.answer for upstream in self.upstreams]
        return hashlib.sha256(repr((self.local_answer, behind)).encode()).digest()

    @cached_property
    def depth(self) -> int:
        """The number of hops in the longest chain of calls behind it."""
        return max((1 + upstream.depth for upstream in self.upstreams), default=0)

    def walk(self) -> Iterator["Hop"]:
        """Yield this hop and those behind it, in the order of the answer, each once, no repeats."""
        visited: set[int] = set()
        stack = [self]
        while stack:
            hop = stack.pop()
            if id(hop) not in visited and hop.repeats is None:
                visited.add(id(hop))
                yield hop
                stack += reversed(hop.upstreams)

    def calls(self) -> Iterator["Hop"]:
        """Yield the hops as an answer lists them: a shared hop once for each call.

        Their number may be exponential in the number of hops.
        """
        yield self
        for upstream in self.upstreams:
            yield from upstream.calls()

    def calls_without_cycles(self, callers: frozenset[str] = frozenset()) -> Iterator["Hop"]:
        """Yield the hops of `calls` without optional calls back to `callers`."""
        yield self
        callers |= {self.service}
        for upstream in self.upstreams:
            if not self.may_stop or upstream.service not in callers:
                yield from upstream.calls_without_cycles(callers)
