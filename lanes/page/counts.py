"""What calls add up to: by lane, by version, and by the way between two versions."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import quantiles

from lanes.page.calls import GATEWAY, Call

# Of the latest calls, for the median and the 99th percentile.
_LATEST = 500
# A way that nobody took for so long is no longer drawn.
FRESH_SECONDS = 2.0
# By then, the calls behind one that failed are known, too: Envoy writes its log each 0.1 seconds.
_SETTLED_SECONDS = 0.3
# Of those that failed, the latest are looked at.
_FAILED = 500


@dataclass
class Tally:
    """Calls of one kind: how many, how many failed, and how long the latest took, in seconds."""

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
        """The median and the 99th percentile."""
        if not self.latest:
            return None
        if len(self.latest) == 1:
            return self.latest[0] * 1000, self.latest[0] * 1000
        cuts = quantiles(self.latest, n=100, method="inclusive")
        return cuts[49] * 1000, cuts[98] * 1000


@dataclass(frozen=True, slots=True)
class Way:
    """From a caller's room to a callee's, or to the service where nobody answered, in a lane."""

    lane: str
    caller: str
    service: str
    callee: str | None


class Counts:
    """Tallies of all calls since the start; times are in seconds of one clock."""

    def __init__(self) -> None:
        self.lanes: defaultdict[str, Tally] = defaultdict(Tally)
        self.rooms: defaultdict[str, Tally] = defaultdict(Tally)
        self.ways: defaultdict[Way, Tally] = defaultdict(Tally)
        # By the gateway's weights alone, since these were last set.
        self.drawn: defaultdict[str, int] = defaultdict(int)
        self._failed: deque[tuple[float, Call]] = deque(maxlen=_FAILED)

    def add(self, call: Call, now: float) -> None:
        """Count one call, which ended at `now`."""
        lane = call.lane or ""
        self.ways[_way(call)].add(call, now)
        if call.failed:
            self._failed.append((now, call))
        if call.callee:
            self.rooms[call.callee].add(call, now)
        if call.caller == GATEWAY:
            self.lanes[lane].add(call, now)
            if call.drawn:
                self.drawn[lane] += 1

    def fresh(self, lane: str, now: float) -> Iterable[Way]:
        """The ways that the lane's requests took a moment ago."""
        since = now - FRESH_SECONDS
        return (w for w, tally in self.ways.items() if w.lane == lane and tally.last > since)

    def failing(self, now: float) -> frozenset[Way]:
        """The ways that end where requests failed a moment ago: no call behind failed meanwhile."""
        recent = [(seen, call) for seen, call in self._failed if seen > now - FRESH_SECONDS]
        behind: defaultdict[tuple[str | None, str | None], list[float]] = defaultdict(list)
        for _, call in recent:
            behind[call.lane, call.caller].append(call.began)
        return frozenset(
            _way(call)
            for seen, call in recent
            if seen < now - _SETTLED_SECONDS
            and not any(
                call.began <= began <= call.began + call.seconds
                for began in behind[call.lane, call.callee]
            )
        )


def _way(call: Call) -> Way:
    return Way(call.lane or "", call.caller, call.service, call.callee)
