"""The result of a run of `lanes verify`."""

from dataclasses import dataclass

from lanes.planning.result import Plan
from lanes.verification.classification import Classified
from lanes.verification.load_profile import LoadProfile, RunAnswers
from lanes.verification.performance import Performance
from lanes.verification.verdict import Holds, Verdict


@dataclass(frozen=True)
class Result:
    """A run and its results. `manifests`: the plan's files; `url`: the gateway's, without secrets.

    `classified`: the answers of the verdict. The run fails, with `no_worse`, if a lane is worse
    than the baseline; with `strict`, if a hop is not seen; with `require_entry`, if an entry
    service is not seen.
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
        """Whether the run passes."""
        compared = bool(self.performance.found)
        return (
            self.verdict.ok
            and (not self.no_worse or (compared and not self.performance.worse))
            and (not self.strict or self.verdict.holds is Holds.HOLD)
            and (not self.require_entry or self.entry_seen)
        )

    @property
    def entry_seen(self) -> bool:
        """Whether the first hop was seen of each lane that requests entered."""
        return not any(
            lane.entry.service in verdict.unseen
            for verdict in self.verdict.lanes
            for lane in self.classified.groups[verdict.name]
        )
