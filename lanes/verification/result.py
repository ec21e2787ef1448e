"""What a run of `lanes verify` found, for all who print it."""

from dataclasses import dataclass

from lanes.planning.result import Plan
from lanes.verification.classification import Classified
from lanes.verification.load_profile import LoadProfile, RunAnswers
from lanes.verification.performance import Performance
from lanes.verification.verdict import Holds, Verdict


@dataclass(frozen=True)
class Result:
    """A run and what came of it. `manifests`: where the plan was read; `url`: the gateway's, for
    people.

    `no_worse`: a lane that is worse than the baseline fails it. `strict`: a hop that is not seen
    does. `require_entry`: an entry service that is not seen does. `classified` holds the answers
    that the verdict is of, each with what is wrong with it.
    """

    plan: Plan
    manifests: tuple[str, ...]
    url: str
    load: LoadProfile
    sample: RunAnswers
    classified: Classified
    verdict: Verdict
    performance: Performance
    no_worse: bool
    strict: bool = False
    require_entry: bool = False

    @property
    def ok(self) -> bool:
        compared = bool(self.performance.found)
        good = compared and not self.performance.worse
        seen = self.verdict.holds is Holds.HOLD
        wanted = (good or not self.no_worse) and (seen or not self.strict)
        return self.verdict.ok and wanted and (self.entry_seen or not self.require_entry)

    @property
    def entry_seen(self) -> bool:
        """Whether each lane's first hop was seen, of the lanes that requests entered."""
        lanes = {lane.name: lane.entry.service for lane in self.plan.lanes}
        return not any(
            lanes[one.name] in verdict.unseen
            for verdict in self.verdict.lanes
            for one in self.classified.groups[verdict.name]
        )
