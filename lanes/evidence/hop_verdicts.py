"""Compares the hops of a lane that are seen with the planned ones, one by one.

The order of the hops says nothing here: a source may miss some, and tell others twice.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lanes.evidence.causes import Cause, cause, lost
from lanes.evidence.steps import Step
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane


class HopVerdict(StrEnum):
    """What the evidence says of one planned hop."""

    AS_PLANNED = "as planned"
    NOT_AS_PLANNED = "not as planned"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class VerifiedHop:
    """A planned hop and what is seen of it. `caller`: the service that calls it; "": the gateway.

    `step`: the hop as seen; of several, the first that is wrong. None where none is seen. `cause`:
    why it is wrong, as far as the evidence tells; None where it is not.
    """

    hop: Hop
    caller: str
    verdict: HopVerdict
    step: Step | None = None
    cause: Cause | None = None


@dataclass(frozen=True)
class LaneVerification:
    """Verifies what is seen of requests in `lane`.

    `header`: the lane header's value at every hop, "" for none; None where no hop tells it.
    `baseline`: the lane that requests without one of their own are in.
    """

    lane: Lane
    baseline: Lane
    header: str | None

    def hops(self, path: Sequence[Step]) -> tuple[VerifiedHop, ...]:
        """Return each hop that the lane should pass, a caller before those it calls.

        Hops where the plan holds no answer are left out, unless one is seen. A service in no known
        path is verified by what the plan holds for calls to it.
        """
        told = [step for step in path if not step.silent]
        open_ = ((None, "", hop) for hop in self.lane.unreached)
        calls = (*_calls(self.lane.entry), *open_)
        verified = (self._verified(names, caller, hop, told) for names, caller, hop in calls)
        return tuple(one for one in verified if one is not None)

    def _verified(
        self, callers: Collection[str] | None, caller: str, hop: Hop, told: Sequence[Step]
    ) -> VerifiedHop | None:
        """Verify a call by one of `callers`, None for any: those are what `caller` is called."""
        called = (step for step in told if step.service in hop.names)
        known = [*callers, None] if callers is not None else None
        steps = [step for step in called if known is None or step.caller in known]
        if not steps and (callers is None or not hop.versions):
            return None
        wrong = next((step for step in steps if not self._right(hop, step)), None)
        if wrong is None:
            seen = HopVerdict.AS_PLANNED if steps else HopVerdict.NOT_SEEN
            return VerifiedHop(hop, caller, seen, steps[0] if steps else None)
        by = wrong.caller or caller
        others = [own for own in self.baseline.path if own.service == hop.service]
        why = cause(hop, wrong, by, self.header, {v for own in others for v in own.versions})
        return VerifiedHop(hop, by, HopVerdict.NOT_AS_PLANNED, wrong, why)

    def _right(self, hop: Hop, step: Step) -> bool:
        if hop.reason == Reason.UNSUPPORTED:
            return True
        if not step.version and (hop.failing or not hop.versions):
            return True
        if step.contradicted or lost(step, self.header):
            return False
        return hop.holds(step.service, step.version)


def first_wrong(verified: Iterable[VerifiedHop]) -> VerifiedHop | None:
    """The first hop that is not as planned; None where all that is seen is."""
    return next((one for one in verified if one.verdict is HopVerdict.NOT_AS_PLANNED), None)


def _calls(entry: Hop) -> Iterator[tuple[frozenset[str], str, Hop]]:
    """Each call once, as the names of its caller, and the hop that it leads to; the gateway's
    first.
    """
    yield frozenset({""}), "", entry
    for hop in entry.walk():
        for upstream in hop.upstreams:
            if upstream.repeats is None:
                yield hop.names, hop.service, upstream
