"""The hops of one request as they are seen, and its answer."""

from dataclasses import dataclass, field

# The most that is read of an answer, and kept of its text; a name is as long as Kubernetes' may be.
MOST_HOPS, MOST_CHARACTERS, MOST_NAME = 1_000, 16_384, 253


@dataclass(frozen=True)
class Step:
    """One hop of a request. `version` is "" where nobody answered, or nothing tells who did.

    `silent` tells these apart: the hop answered, and its answer tells neither its version nor whom
    it called. `service` is "" where the first hop is silent: nothing names it.
    `lane` is what the hop read from its baggage; None where it read none. A hop that does not tell
    is taken to be in its caller's. `namespace` is its pod's in Kubernetes; None where it does not
    tell. `contradicted`: two sources tell different versions. What `Measured` holds is no part of
    where it went, nor whose `instrumentation` carries its lane (`injected 0.44b0`; None where it
    does not tell), nor who called it and how: steps are equal without that. `caller` is the service
    that called it, "" for the gateway, None where nothing tells. `lane_known`: whether `lane` is
    told at all. `routed`: what the caller's proxy did with the call; None where nothing tells.
    """

    service: str
    version: str
    lane: str | None = None
    namespace: str | None = None
    measured: "Measured | None" = field(default=None, compare=False)
    instrumentation: str | None = field(default=None, compare=False)
    silent: bool = False
    contradicted: bool = False
    caller: str | None = field(default=None, compare=False)
    lane_known: bool = field(default=True, compare=False)
    routed: "Routed | None" = field(default=None, compare=False)


@dataclass(frozen=True)
class Routed:
    """What the proxy of a caller did with a call.

    `versions` are those of the destination that its rule names. `proxied` False: the call passed no
    sidecar. `ruled` False: it passed one that has neither the service nor a rule for it.
    """

    versions: frozenset[str] = frozenset()
    proxied: bool = True
    ruled: bool = True


@dataclass(frozen=True)
class Measured:
    """What a hop of a tree tells of one request: its place in the tree, its address, its time.

    `depth` is 0 for the first hop. `duration_ms` is the hop's whole time and `own_ms` that without
    the slowest of its upstreams, which are called at once. `error`: why it failed by itself, with
    none of its upstreams to pass on; "" where it did not.
    """

    depth: int
    ip: str
    status: int
    duration_ms: float
    own_ms: float
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """One request's answer, its hops in order. `status` 0: there was none; `text` says why.

    `began` is when it was to start, by the monotonic clock, in seconds, `took_ms` the time from
    then to the end of the answer, and `late_ms` by how much it started late; None where nobody
    looked at the clock. `unreadable` is why the text has no path though it is meant as the
    services'; "" for any other. `partial`: hops that `path` lacks may have answered, too. `trace`
    is the id of the trace that the request began; "" where it began none.
    """

    status: int
    text: str
    path: tuple[Step, ...] = ()
    began: float | None = field(default=None, compare=False)
    took_ms: float | None = field(default=None, compare=False)
    late_ms: float | None = field(default=None, compare=False)
    unreadable: str = field(default="", compare=False)
    partial: bool = False
    trace: str = field(default="", compare=False)

    @property
    def whole(self) -> bool:
        """Whether the answer itself tells all hops."""
        return bool(self.path) and not self.partial

    @property
    def seen(self) -> tuple[Step, ...]:
        """The hops of `path` that are told."""
        return tuple(step for step in self.path if not step.silent)

    @property
    def lane(self) -> str | None:
        """The lane that the gateway set; None where the answer does not name it."""
        return self.path[0].lane if self.path else None

    @property
    def foreign(self) -> bool:
        """Whether a service answered, in a form that tells no hop."""
        return not self.seen and 200 <= self.status < 400 and not self.unreadable
