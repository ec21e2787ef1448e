"""The verdict on a run: its answers compared with the plan, and its split with the weights.

Requests enter lanes by weight or by entry rules. The split counts those by weight alone.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from lanes.planning.entry_rule import EntryRule
from lanes.verification.hints import Hint
from lanes.verification.hop_splits import HopSplit
from lanes.verification.problems import Break, Problem


class Holds(StrEnum):
    """Whether the lanes hold.

    - hold: all hops were seen, and all are right
    - hold-as-far-as-seen: no hop is wrong; some were not seen, or the plan does not know them
    - do-not-hold: something is wrong
    """

    HOLD = "hold"
    AS_FAR_AS_SEEN = "hold-as-far-as-seen"
    DO_NOT_HOLD = "do-not-hold"


@dataclass(frozen=True)
class EntryVerdict:
    """The result of an entry rule of `lane`: `count` answers, of which `as_planned` are right.

    `inconclusive`: answers that do not show where the request went; `unseen` of these are in a form
    that shows no hop. A rule whose method may change something has a `count` of 0: none is sent.
    """

    lane: str
    by: EntryRule
    count: int
    as_planned: int
    inconclusive: int = 0
    unseen: int = 0

    @property
    def ok(self) -> bool:
        return self.as_planned + self.inconclusive == self.count

    @property
    def verified(self) -> bool:
        return self.count > self.inconclusive

    @property
    def reached(self) -> bool:
        """Whether a service answered, even if in a form that shows no hop."""
        return self.count > self.inconclusive - self.unseen

    @property
    def not_verified_because(self) -> str:
        """Why not all answers are verified; "" if they are."""
        if not self.count:
            return f"not sent, {self.by.method} {self.by.not_sent_because}"
        if self.unseen:
            return "no hop is seen"
        return "no service answers there" if self.inconclusive else ""


@dataclass(frozen=True)
class LaneVerdict:
    """The result of one lane. Lanes with the same answers are one.

    Of `total` requests by weight with a known lane, `count` are the lane's; `as_planned` of these
    took its path. `low` and `high`: the confidence interval of its share, 0 to 1. `expected`: its
    share by the weights. `unsure`: further answers that may be the lane's, since too few of their
    hops are seen. `unseen`: services on its path that no answer shows. `not_known`: services whose
    versions the plan does not know, since a rule is not supported.
    """

    name: str
    count: int
    total: int
    expected: float
    low: float
    high: float
    as_planned: int
    entered: tuple[EntryVerdict, ...] = ()
    unsure: int = 0
    unseen: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The lane's share of the requests by weight, 0 to 1."""
        return self.count / max(1, self.total)

    @property
    def verified(self) -> bool:
        """Whether an answer shows the lane, by weight or by an entry rule."""
        return self.count > 0 or any(entered.verified for entered in self.entered)

    @property
    def fits(self) -> bool:
        """Whether the share is as expected, within the confidence interval."""
        return self.low <= self.expected <= self.high

    @property
    def ok(self) -> bool:
        """Whether the lane is right. If requests were drawn, a lane with a weight needs some."""
        drawn = self.count + self.unsure
        reached = any(entered.reached for entered in self.entered)
        seen = drawn > 0 or (not self.expected if self.total else reached)
        entered_right = all(entered.ok for entered in self.entered)
        return seen and self.fits and self.as_planned == self.count and entered_right


@dataclass(frozen=True)
class Unexpected:
    """An answer that is not as planned, its problem, and how often it came."""

    problem: Problem
    text: str
    status: int
    count: int


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run. `requests`: how many were sent by weight.

    `errors`: how many of all requests failed and should not have. `planned_failures`: how many
    failed as planned. `hints`: likely causes of answers that are not as planned, or not seen.
    `splits`: those inside the mesh.
    """

    requests: int
    errors: int
    planned_failures: int
    lanes: tuple[LaneVerdict, ...]
    unexpected: tuple[Unexpected, ...] = field(default=())
    hints: tuple[Hint, ...] = ()
    splits: tuple[HopSplit, ...] = ()

    @property
    def entered(self) -> tuple[EntryVerdict, ...]:
        """The results of the entry rules, in the order of the plan."""
        return tuple(entered for lane in self.lanes for entered in lane.entered)

    @property
    def ok(self) -> bool:
        split_right = all(split.fits for split in self.splits)
        seen = any(lane.verified or not lane.unseen for lane in self.lanes)
        return not self.unexpected and split_right and seen and all(lane.ok for lane in self.lanes)

    @property
    def holds(self) -> Holds:
        """Whether the lanes hold."""
        if not self.ok:
            return Holds.DO_NOT_HOLD
        unseen = any(lane.unseen or lane.not_known for lane in self.lanes)
        return Holds.AS_FAR_AS_SEEN if unseen else Holds.HOLD

    @property
    def breaks(self) -> tuple[tuple[str, Break, int], ...]:
        """Each lane and where requests leave it, with their number, the most frequent first."""
        counts = Counter[tuple[str, Break]]()
        for unexpected in self.unexpected:
            if unexpected.problem.broken:
                counts[unexpected.problem.lane, unexpected.problem.broken] += unexpected.count
        return tuple((*key, count) for key, count in counts.most_common())
