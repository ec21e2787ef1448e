"""Compares each planned hop of a lane with the hops that evidence shows.

The order of the hops does not matter: a source may miss some, and show others twice.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lanes.evidence.causes import Cause, cause, lost
from lanes.evidence.steps import Step
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane


class HopVerdict(StrEnum):
    """What the evidence shows of one planned hop."""

    AS_PLANNED = "as planned"
    NOT_AS_PLANNED = "not as planned"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class VerifiedHop:
    """A planned hop and the evidence of it. `caller`: the service that calls it; "": the gateway.

    `step`: the hop as seen, and if it is seen several times, the first wrong step; None for none.
    `cause`: why the hop is wrong; None if it is right.
    """

    hop: Hop
    caller: str
    verdict: HopVerdict
    step: Step | None = None
    cause: Cause | None = None


@dataclass(frozen=True)
class LaneVerification:
    """Verifies the steps of requests in `lane`.

    `header`: the lane header that every hop should have, "" for none; None if no hop shows its.
    `baseline`: the lane of requests without a lane header.
    """

    lane: Lane
    baseline: Lane
    header: str | None

    def hops(self, path: Sequence[Step]) -> tuple[VerifiedHop, ...]:
        """Return the lane's hops, callers first.

        Hops that nothing should answer are left out, unless something does. Services in no known
        path are left out, unless they are seen: then the plan for calls to them holds.
        """
        steps = [step for step in path if not step.silent]
        unreached = ((None, "", hop) for hop in self.lane.unreached)
        calls = (*_calls(self.lane.entry), *unreached)
        verified = (self._verified(names, caller, hop, steps) for names, caller, hop in calls)
        return tuple(hop for hop in verified if hop is not None)

    def _verified(
        self, callers: Collection[str] | None, caller: str, hop: Hop, path: Sequence[Step]
    ) -> VerifiedHop | None:
        """Verify calls from `caller`, which has the names `callers` in steps; None: any caller."""
        steps = [
            step
            for step in path
            if step.service in hop.names
            and (callers is None or step.caller is None or step.caller in callers)
        ]
        if not steps and (callers is None or not hop.versions):
            return None
        wrong = next((step for step in steps if not self._right(hop, step)), None)
        if wrong is None:
            verdict = HopVerdict.AS_PLANNED if steps else HopVerdict.NOT_SEEN
            return VerifiedHop(hop, caller, verdict, steps[0] if steps else None)
        by = wrong.caller or caller
        others = [other for other in self.baseline.path if other.service == hop.service]
        versions = {version for other in others for version in other.versions}
        why = cause(hop, wrong, by, self.header, versions)
        return VerifiedHop(hop, by, HopVerdict.NOT_AS_PLANNED, wrong, why)

    def _right(self, hop: Hop, step: Step) -> bool:
        if hop.reason == Reason.UNSUPPORTED:
            return True
        if not step.version and (hop.failing or not hop.versions):
            return True
        if step.contradicted or lost(step, self.header):
            return False
        return hop.allows(step.service, step.version)


def first_wrong(verified: Iterable[VerifiedHop]) -> VerifiedHop | None:
    """Return the first hop that is not as planned; None for none."""
    return next((hop for hop in verified if hop.verdict is HopVerdict.NOT_AS_PLANNED), None)


def _calls(entry: Hop) -> Iterator[tuple[frozenset[str], str, Hop]]:
    """Yield each call once, the gateway's first: the caller's names, the caller, the called hop."""
    yield frozenset({""}), "", entry
    for hop in entry.walk():
        for upstream in hop.upstreams:
            if upstream.repeats is None:
                yield hop.names, hop.service, upstream
