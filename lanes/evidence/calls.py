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
    clock that all calls share. `trace`: the id of its trace; "" where it has none.
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

    @property
    def ended(self) -> float:
        return self.began + self.seconds


class Forest:
    """The calls of all requests, each behind the call that made its caller make it.

    That is the one with the same trace, where services hand traces on. Else it is the one that
    was under way in the caller's pod. Where several were, with different lanes, nobody knows which:
    the call is left out. Among those with one lane, any will do.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = ordered = sorted(calls, key=lambda call: call.began)  # kept: ids are theirs
        self._roots = {call.trace: call for call in ordered if not call.caller and call.trace}
        self._made: dict[int, list[Call]] = defaultdict(list)
        by_pod: dict[str, list[Call]] = defaultdict(list)
        for call in ordered:
            by_pod[call.address].append(call)
        began = {address: [call.began for call in there] for address, there in by_pod.items()}
        longest = {a: max(call.seconds for call in there) for a, there in by_pod.items()}
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
        meanwhile = [one for one in there if one.ended >= call.began - _SLACK and one is not call]
        traced = [one for one in meanwhile if call.trace and one.trace == call.trace]
        likely = traced or meanwhile
        if len(likely) > 1:
            same = [one for one in likely if one.lane == call.lane]
            likely = same if call.lane else likely
        if len({one.lane for one in likely}) != 1:
            return None
        return min(likely, key=lambda one: self._repeats(one, call.service))

    def _repeats(self, parent: Call, service: str) -> int:
        """How many calls to the service `parent` has already."""
        return sum(made.service == service for made in self._made[id(parent)])


# Clocks of one machine, in seconds; proxies log microseconds.
_SLACK = 0.001


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
        routed=Routed(call.chosen),
    )
