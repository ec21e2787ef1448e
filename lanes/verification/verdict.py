"""The verdict: every answer against the plan, and the split against the weights.

A request enters a lane by weight or by an entry rule; the split is that of the first alone.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from lanes.planning.entry_rule import EntryRule
from lanes.verification.hints import Hint
from lanes.verification.hop_splits import HopSplit
from lanes.verification.problems import Left, Problem


class Holds(StrEnum):
    """Whether the lanes hold: all was seen and right, nothing was seen wrong, or not.

    What the plan does not know counts as not seen.
    """

    HOLD = "hold"
    AS_FAR_AS_SEEN = "hold-as-far-as-seen"
    DO_NOT_HOLD = "do-not-hold"


@dataclass(frozen=True)
class EntryVerdict:
    """How `lane` fared by an entry rule. `inconclusive`: answers that show no path; of these,
    `unseen` are in a form that tells no hop.

    No request is sent by a rule whose method may change something: its `count` is 0.
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
        """Whether a service answers there, be it in a form that tells no hop."""
        return self.count > self.inconclusive - self.unseen

    @property
    def not_verified_because(self) -> str:
        """Why none, or not all, of it is verified; "" where all is."""
        if not self.count:
            return f"not sent, {self.by.method} {self.by.not_sent_because}"
        if self.unseen:
            return "no hop is seen"
        return "no service answers there" if self.inconclusive else ""


@dataclass(frozen=True)
class LaneVerdict:
    """How one lane fared. Lanes with the same answers are one.

    `count` of the `total` that tell their lanes were drawn, and `low` and `high` bound the shares
    (0 to 1) that this does not speak against; `as_planned` of them took the lane's path.
    `unsure`: further answers of which too little is seen to tell whether they are its. `unseen`:
    services on its path where no answer is seen. `not_known`: those of which the plan does not know
    what they answer, since a rule is not supported.
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
        """Its part of what was drawn, 0 to 1."""
        return self.count / max(1, self.total)

    @property
    def verified(self) -> bool:
        """Whether an answer shows it, by weight or by an entry rule."""
        return self.count > 0 or any(entered.verified for entered in self.entered)

    @property
    def fits(self) -> bool:
        """Whether its share may be what its weight says."""
        return self.low <= self.expected <= self.high

    @property
    def ok(self) -> bool:
        """Whether the run may pass: a lane with a weight has to be among the drawn, if any are."""
        drawn = self.count + self.unsure
        reached = any(entered.reached for entered in self.entered)
        seen = drawn > 0 or (not self.expected if self.total else reached)
        entered_right = all(entered.ok for entered in self.entered)
        return seen and self.fits and self.as_planned == self.count and entered_right


@dataclass(frozen=True)
class Unexpected:
    """An answer that the plan does not hold, what is wrong with it, and how often it came."""

    problem: Problem
    text: str
    status: int
    count: int


@dataclass(frozen=True)
class Verdict:
    """`requests`: how many were drawn; `entered` tells of those that were not.

    `errors`: how many of both failed and should not have; `planned_failures`: those that the plan
    lets fail.
    `hints`: what the answers point to where they are not as planned, not injected, or not seen.
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
        """How the lanes fared that were entered, in the order of the plan."""
        return tuple(entered for lane in self.lanes for entered in lane.entered)

    @property
    def ok(self) -> bool:
        split_right = all(split.fits for split in self.splits)
        seen = any(lane.verified or not lane.unseen for lane in self.lanes)
        return not self.unexpected and split_right and seen and all(lane.ok for lane in self.lanes)

    @property
    def holds(self) -> Holds:
        """Whether all that was seen is right, and whether it is all there is to see."""
        if not self.ok:
            return Holds.DO_NOT_HOLD
        unseen = any(lane.unseen or lane.not_known for lane in self.lanes)
        return Holds.AS_FAR_AS_SEEN if unseen else Holds.HOLD

    @property
    def left(self) -> tuple[tuple[str, Left, int], ...]:
        """Where lanes are left, and how often, the most frequent first; each with its lane."""
        known = Counter[tuple[str, Left]]()
        for one in self.unexpected:
            if one.problem.left:
                known[one.problem.lane, one.problem.left] += one.count
        return tuple((*key, count) for key, count in known.most_common())
