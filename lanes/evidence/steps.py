"""One request's answer, and its hops as evidence shows them."""

from dataclasses import dataclass, field

# The most hops and characters of an answer to keep; the longest name that Kubernetes allows.
MOST_HOPS, MOST_CHARACTERS, MOST_NAME = 1_000, 16_384, 253


@dataclass(frozen=True)
class Step:
    """One hop of a request. Steps are equal if the request took the same path.

    - service: "" for a silent first hop, which nothing names
    - version: "" if nothing answered, or if the hop is silent
    - lane: the one in the hop's baggage; None for none. A hop that does not show its lane is taken
      to be in its caller's.
    - namespace: the pod's; None if unknown
    - instrumentation: what carries the lane, such as `injected 0.44b0`; None if unknown
    - silent: the hop answered, and shows neither its version nor whom it called
    - contradicted: two sources show different versions
    - caller: the service that called, "" for the gateway; None if unknown
    - lane_known: evidence shows the lane, or that there is none
    - routed: what the caller's proxy did with the call; None if unknown
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
    """What the caller's proxy did with a call.

    `versions`: those of the destination in the proxy's rule. `proxied` False: the call passed no
    sidecar. `ruled` False: the sidecar knows neither the service nor a rule for it.
    """

    versions: frozenset[str] = frozenset()
    proxied: bool = True
    ruled: bool = True


@dataclass(frozen=True)
class Measured:
    """A hop's depth in the tree of calls, 0 for the first, and its figures for one request.

    `own_ms` is the time without the slowest upstream's: a hop calls its upstreams at once.
    `error`: why the hop itself failed; "" if it did not, or passed on an upstream's failure.
    """

    depth: int
    ip: str
    status: int
    duration_ms: float
    own_ms: float
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """One request's answer, its hops in order. `status` 0: there is none, and `text` says why.

    `began`: when the request was due, in seconds of the monotonic clock. `took_ms`: the time from
    then to the answer's end. `late_ms`: how late it started. None: not measured. `unreadable`: why
    an answer in the services' format has no path; "" for any other. `partial`: further hops may
    have answered. `trace`: the id of the request's own trace; "" for none.
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
        """Whether the answer itself shows all hops."""
        return bool(self.path) and not self.partial

    @property
    def seen(self) -> tuple[Step, ...]:
        """The hops of `path` that are not silent."""
        return tuple(step for step in self.path if not step.silent)

    @property
    def lane(self) -> str | None:
        """The lane that the gateway set; None if the answer does not show it."""
        return self.path[0].lane if self.path else None

    @property
    def foreign(self) -> bool:
        """Whether a service answered, in a form that shows no hop."""
        return not self.seen and 200 <= self.status < 400 and not self.unreadable
