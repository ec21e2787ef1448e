"""Counts of calls: by lane, by version, and by link between two versions."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import quantiles

from lanes.page.calls import GATEWAY, Call

# The median and the 99th percentile are those of so many latest calls.
_LATEST = 500
# Links without calls for so long are no longer drawn.
FRESH_SECONDS = 2.0
# After so long, the log has the calls behind a failed call too: Envoy writes it every 0.1 seconds.
_SETTLED_SECONDS = 0.3
# How many of the latest failed calls are kept.
_FAILED = 500


@dataclass
class Tally:
    """The number of calls and failures, and the seconds that the latest calls took."""

    count: int = 0
    failed: int = 0
    last: float = 0.0
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))

    def add(self, call: Call, now: float) -> None:
        self.count += 1
        self.failed += call.failed
        self.last = now
        self.latest.append(call.seconds)

    @property
    def milliseconds(self) -> tuple[float, float] | None:
        """The median and the 99th percentile; None without calls."""
        if not self.latest:
            return None
        if len(self.latest) == 1:
            return self.latest[0] * 1000, self.latest[0] * 1000
        cuts = quantiles(self.latest, n=100, method="inclusive")
        return cuts[49] * 1000, cuts[98] * 1000


@dataclass(frozen=True, slots=True)
class Link:
    """A lane's connection between two nodes; `callee` is None if nobody answered at `service`."""

    lane: str
    caller: str
    service: str
    callee: str | None


class Counts:
    """Tallies of all calls since the start. `now` is always monotonic time in seconds."""

    def __init__(self) -> None:
        self.lanes: defaultdict[str, Tally] = defaultdict(Tally)
        self.nodes: defaultdict[str, Tally] = defaultdict(Tally)
        self.links: defaultdict[Link, Tally] = defaultdict(Tally)
        # Requests of each lane that the gateway's weights chose, since the weights were last set.
        self.drawn: defaultdict[str, int] = defaultdict(int)
        self._failed: deque[tuple[float, Call]] = deque(maxlen=_FAILED)

    def add(self, call: Call, now: float) -> None:
        """Count one call, which ended at `now`."""
        lane = call.lane or ""
        self.links[_link(call)].add(call, now)
        if call.failed:
            self._failed.append((now, call))
        if call.callee:
            self.nodes[call.callee].add(call, now)
        if call.caller == GATEWAY:
            self.lanes[lane].add(call, now)
            if call.drawn:
                self.drawn[lane] += 1

    def fresh(self, lane: str, now: float) -> Iterable[Link]:
        """Return the links that had calls of the lane in the last two seconds."""
        since = now - FRESH_SECONDS
        return (
            link for link, tally in self.links.items() if link.lane == lane and tally.last > since
        )

    def failing(self, now: float) -> frozenset[Link]:
        """Return the links where requests began to fail: no call behind the failed one failed."""
        recent = [(seen, call) for seen, call in self._failed if seen > now - FRESH_SECONDS]
        behind: defaultdict[tuple[str | None, str | None], list[float]] = defaultdict(list)
        for _, call in recent:
            behind[call.lane, call.caller].append(call.began)
        return frozenset(
            _link(call)
            for seen, call in recent
            if seen < now - _SETTLED_SECONDS
            and not any(
                call.began <= began <= call.began + call.seconds
                for began in behind[call.lane, call.callee]
            )
        )


def _link(call: Call) -> Link:
    return Link(call.lane or "", call.caller, call.service, call.callee)
