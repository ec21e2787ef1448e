"""Calls between services, as proxies log them, and the requests that cause them."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lanes.evidence.steps import MOST_HOPS, Measured, Routed, Step


@dataclass(frozen=True)
class Call:
    """One call, as the caller's proxy logs it when the call ends.

    `caller` is a service, "" for the gateway; `caller_address` is its pod's. `service` is the
    called one. `version` and `address` are of the pod that answered the last try, "" for none.
    `lane` is the call's lane header, None for none; `lane_known`: the log has the lane header.
    `chosen`: the versions of the destination in the proxy's rule. `began` is in seconds, by a clock
    that all calls of a pod share. `received`: begin and end by the clock of the pod that answered;
    None: both pods share a clock. `trace` and `request` are ids, "" for none. `proxied` False: no
    sidecar sent the call. `ruled` False: a sidecar sent it that knows neither the service nor a
    rule for it.
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
    def handled(self) -> tuple[float, float]:
        """When the call began and ended in the pod that answered."""
        return self.received or (self.began, self.began + self.seconds)


class Forest:
    """The calls of all requests as trees: a call's parent is the call that caused it.

    The parent has the same trace or request id, if services propagate the ids. Otherwise it is the
    call that the caller's pod was handling. If the pod was handling several calls with one lane,
    any of them is the parent. With different lanes the parent is unknown, and the call is left out.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = ordered = sorted(calls, key=lambda call: call.began)  # keeps their ids alive
        self._roots = {call.trace: call for call in ordered if not call.caller and call.trace}
        self._children: dict[int, list[Call]] = defaultdict(list)
        by_pod: dict[str, list[Call]] = defaultdict(list)
        for call in sorted(ordered, key=lambda call: call.handled):
            by_pod[call.address].append(call)
        began = {pod: [call.handled[0] for call in handled] for pod, handled in by_pod.items()}
        longest = {pod: max(map(_handled_seconds, handled)) for pod, handled in by_pod.items()}
        for call in ordered:
            if call.caller:
                pod = call.caller_address
                earliest = call.began - longest.get(pod, 0.0) - _SLACK
                first = bisect_right(began.get(pod, []), earliest)
                last = bisect_right(began.get(pod, []), call.began + _SLACK)
                parent = self._parent(call, by_pod[pod][first:last])
                if parent is not None:
                    self._children[id(parent)].append(call)

    def path(self, trace: str) -> tuple[Step, ...]:
        """Return the hops of the request with this trace id, callers first; () if unknown."""
        root = self._roots.get(trace)
        if root is None or not root.address:
            return ()
        return tuple(self._steps(root))

    def _steps(self, root: Call) -> Iterator[Step]:
        ahead = [(root, 0)]
        for _ in range(MOST_HOPS):
            if not ahead:
                return
            call, depth = ahead.pop()
            children = self._children[id(call)]
            yield _step(call, depth, children)
            ahead += [(child, depth + 1) for child in reversed(children)]

    def _parent(self, call: Call, handled: Sequence[Call]) -> Call | None:
        others = [x for x in handled if x.handled[1] >= call.began - _SLACK and x is not call]
        # Rounding to milliseconds may put a call before its parent.
        others = [x for x in others if x.handled[0] <= call.began <= x.handled[1]] or others
        likely = [x for x in others if _same_request(x, call)] or others
        if len(likely) > 1 and call.lane:
            likely = [parent for parent in likely if parent.lane == call.lane]
        if len({parent.lane for parent in likely}) != 1:
            return None
        return min(likely, key=lambda parent: self._calls_to(call.service, parent))

    def _calls_to(self, service: str, parent: Call) -> int:
        """Return how many calls to the service `parent` has so far."""
        return sum(child.service == service for child in self._children[id(parent)])


# The error of one clock, in seconds: some logs have milliseconds.
_SLACK = 0.002


def _handled_seconds(call: Call) -> float:
    began, ended = call.handled
    return ended - began


def _same_request(one: Call, other: Call) -> bool:
    same_trace = one.trace == other.trace != ""
    return same_trace or one.request == other.request != ""


def _step(call: Call, depth: int, children: Sequence[Call]) -> Step:
    took = call.seconds * 1000
    slowest = max((child.seconds * 1000 for child in children), default=0.0)
    own_error = call.status >= 500 and all(child.status < 500 for child in children)
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
    """Return the trace id in a `traceparent` header; "" if the header is malformed.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else ""
