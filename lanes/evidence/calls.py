"""Calls between services, as proxies log them, and the requests that they are parts of."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lanes.evidence.steps import MOST_HOPS, Measured, Routed, Step


@dataclass(frozen=True)
class Call:
    """One call, as the proxy of the caller logs it when it ends.

    `caller` is a service, "" for the gateway, and `caller_address` that of its pod. `service` is
    whom it called; `version` and `address` are of the pod that answered, "" where none did: of
    several tries, the last. `lane` is the lane header that the call carried, None for none, and
    `chosen` are the versions of the destination that the proxy's rule named. `began`: seconds of a
    clock that all calls of a pod share, and `received` the same call's beginning and end by the
    clock of the pod that answered, where that one logs; None: the two share a clock. `trace` and
    `request`: the ids of its trace and request; "" where it has none. `lane_known`: whether the log
    tells the lane header at all. `proxied` False: no sidecar sent it; `ruled` False: one did that
    has neither the service nor a rule for it.
    """

    caller: str
    caller_address: str
    service: str
    version: str
    address: str
    lane: str | None
    chosen: frozenset[str]
    status: int
    began: float
    seconds: float
    trace: str = ""
    request: str = ""
    received: tuple[float, float] | None = None
    lane_known: bool = True
    proxied: bool = True
    ruled: bool = True

    @property
    def there(self) -> tuple[float, float]:
        """When it began and ended in the pod that answered."""
        return self.received or (self.began, self.began + self.seconds)


class Forest:
    """The calls of all requests, each behind the call that made its caller make it.

    That is the one of the same trace or request, where services hand their ids on. Else it is the
    one that was under way in the caller's pod. Where several were, with different lanes, nobody
    knows which: the call is left out. Among those with one lane, any will do.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = ordered = sorted(calls, key=lambda call: call.began)  # kept: ids are theirs
        self._roots = {call.trace: call for call in ordered if not call.caller and call.trace}
        self._made: dict[int, list[Call]] = defaultdict(list)
        by_pod: dict[str, list[Call]] = defaultdict(list)
        for call in sorted(ordered, key=lambda call: call.there):
            by_pod[call.address].append(call)
        began = {address: [call.there[0] for call in there] for address, there in by_pod.items()}
        longest = {a: max(map(_seconds_there, there)) for a, there in by_pod.items()}
        for call in ordered:
            if call.caller:
                at = call.caller_address
                first = bisect_right(began.get(at, []), call.began - longest.get(at, 0.0) - _SLACK)
                last = bisect_right(began.get(at, []), call.began + _SLACK)
                parent = self._parent(call, by_pod[at][first:last])
                if parent is not None:
                    self._made[id(parent)].append(call)

    def path(self, trace: str) -> tuple[Step, ...]:
        """The hops of the request with this trace id, as a tree; () where none is known."""
        root = self._roots.get(trace)
        if root is None or not root.address:
            return ()
        return tuple(self._steps(root, 0))

    def _steps(self, root: Call, depth: int) -> Iterator[Step]:
        left = [(root, depth)]
        for _ in range(MOST_HOPS):
            if not left:
                return
            call, depth = left.pop()
            made = self._made[id(call)]
            yield _step(call, depth, made)
            left += [(behind, depth + 1) for behind in reversed(made)]

    def _parent(self, call: Call, there: Sequence[Call]) -> Call | None:
        meanwhile = [x for x in there if x.there[1] >= call.began - _SLACK and x is not call]
        # A proxy's milliseconds may round a call to before the one that made its caller make it.
        meanwhile = [x for x in meanwhile if x.there[0] <= call.began <= x.there[1]] or meanwhile
        likely = [x for x in meanwhile if _same_request(x, call)] or meanwhile
        if len(likely) > 1:
            same = [one for one in likely if one.lane == call.lane]
            likely = same if call.lane else likely
        if len({one.lane for one in likely}) != 1:
            return None
        return min(likely, key=lambda one: self._repeats(one, call.service))

    def _repeats(self, parent: Call, service: str) -> int:
        """How many calls to the service `parent` has already."""
        return sum(made.service == service for made in self._made[id(parent)])


# Of one clock, in seconds: some logs have milliseconds.
_SLACK = 0.002


def _seconds_there(call: Call) -> float:
    began, ended = call.there
    return ended - began


def _same_request(one: Call, other: Call) -> bool:
    same_trace = one.trace == other.trace != ""
    return same_trace or one.request == other.request != ""


def _step(call: Call, depth: int, made: Sequence[Call]) -> Step:
    took = call.seconds * 1000
    slowest = max((behind.seconds * 1000 for behind in made), default=0.0)
    own_error = call.status >= 500 and all(behind.status < 500 for behind in made)
    error = f"status {call.status}" if own_error or not call.status else ""
    measured = Measured(depth, call.address, call.status, took, max(0.0, took - slowest), error)
    return Step(
        call.service,
        call.version,
        call.lane,
        measured=measured,
        caller=call.caller,
        lane_known=call.lane_known,
        silent=bool(call.address) and not call.version,
        routed=Routed(call.chosen, call.proxied, call.ruled),
    )


def trace_id(traceparent: str) -> str:
    """The trace's id in a `traceparent` header; "" where it is none.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else ""
