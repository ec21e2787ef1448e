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


@dataclass
class Tally:
    """Calls of one kind: how many, how many failed, and how long the latest took, in seconds."""

    count: int = 0
    failed: int = 0
    last: float = 0.0
    last_failed: float | None = None
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))

    def add(self, call: Call, now: float) -> None:
        self.count += 1
        self.failed += call.failed
        self.last = now
        self.last_failed = now if call.failed else self.last_failed
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

    def add(self, call: Call, now: float) -> None:
        """Count one call, which ended at `now`."""
        lane = call.lane or ""
        self.ways[Way(lane, call.caller, call.service, call.callee)].add(call, now)
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
