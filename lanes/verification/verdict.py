"""The judge: every answer against the plan, and the split against the weights.

A request is drawn into a lane, by weight, or enters it on purpose, by a way in; the split is that
of the drawn alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from lanes.planning.entry_rule import EntryRule
from lanes.planning.result import Plan
from lanes.verification.answers import Answer
from lanes.verification.classification import Judged, sort
from lanes.verification.hints import hints
from lanes.verification.hop_splits import HopSplit, splits
from lanes.verification.split import interval
from lanes.verification.targets import Call

_OTHER_WEIGHTS = "the gateway has other weights than these manifests, or a rule before theirs"


@dataclass(frozen=True)
class Entered:
    """How `lane` fared by a way into it. `untold`: answers that tell nothing (see Judged).

    Nobody was sent by a way whose method does not merely read: its `count` is 0.
    """

    lane: str
    by: EntryRule
    count: int
    as_planned: int
    untold: int = 0

    @property
    def ok(self) -> bool:
        return self.as_planned + self.untold == self.count

    @property
    def judged(self) -> bool:
        return self.count > self.untold

    @property
    def unjudged(self) -> str:
        """Why none, or not all, of it is judged; "" where all is."""
        if not self.count:
            return f"not asked, {self.by.method} {self.by.not_sent_because}"
        return "no service answers there" if self.untold else ""


@dataclass(frozen=True)
class LaneVerdict:
    """How one lane fared. Lanes that an answer can't tell apart are judged as one.

    `count` of the `total` that tell their lanes were drawn, and `low` and `high` bound the shares
    (0 to 1) that this does not speak against; `as_planned` of them took the lane's path.
    """

    name: str
    count: int
    total: int
    expected: float
    low: float
    high: float
    as_planned: int
    entered: tuple[Entered, ...] = ()

    @property
    def share(self) -> float:
        """Its part of what was drawn, 0 to 1."""
        return self.count / max(1, self.total)

    @property
    def judged(self) -> bool:
        """Whether there was an answer to judge it by, drawn or entered."""
        return self.count > 0 or any(entered.judged for entered in self.entered)

    @property
    def fits(self) -> bool:
        """Whether its share may be what its weight says."""
        return self.low <= self.expected <= self.high

    @property
    def ok(self) -> bool:
        """Whether the run may pass: a lane with a weight has to be among the drawn, if any are."""
        seen = self.count > 0 or (not self.expected if self.total else self.judged)
        entered_right = all(entered.ok for entered in self.entered)
        return seen and self.fits and self.as_planned == self.count and entered_right


@dataclass(frozen=True)
class Unexpected:
    """An answer that the plan does not hold, what is wrong with it, and how often it came."""

    problem: str
    text: str
    status: int
    count: int


@dataclass(frozen=True)
class Verdict:
    """`requests`: how many were drawn; `entered` tells of those that were not.

    `errors`: how many of both failed and should not have; `refused`: those the plan lets fail.
    `hints`: what the answers point to where they are not as planned, a few lines each. `splits`:
    those inside the mesh.
    """

    requests: int
    errors: int
    refused: int
    lanes: tuple[LaneVerdict, ...]
    unexpected: tuple[Unexpected, ...] = field(default=())
    hints: tuple[str, ...] = ()
    splits: tuple[HopSplit, ...] = ()

    @property
    def entered(self) -> tuple[Entered, ...]:
        """How the lanes fared that were entered, in the order of the plan."""
        return tuple(entered for lane in self.lanes for entered in lane.entered)

    @property
    def ok(self) -> bool:
        split_right = all(split.fits for split in self.splits)
        return not self.unexpected and split_right and all(lane.ok for lane in self.lanes)


def verify(
    plan: Plan, answers: Iterable[Answer], entered: Iterable[tuple[Call, Answer]] = ()
) -> Verdict:
    """Judge by `plan` the `answers` that were drawn, and each that entered a lane.

    Where none were drawn, no lane is judged but those that were entered.
    """
    answers, entered = list(answers), list(entered)
    judged = sort(plan, answers, entered)
    groups, drawn, visits = judged.groups, judged.drawn, judged.entered
    seen, planned = _counted(drawn)
    came = Counter(_call(j) for j in visits)
    kept = Counter(_call(j) for j in visits if j.told and not j.problem)
    untold = Counter(_call(j) for j in visits if not j.told)
    # What several lanes may have got is no one's, and no part of what their shares are of.
    total = sum(bool(j.problem) or j.name in groups for j in drawn)
    unexpected = Counter(
        (j.problem, j.answer.text, j.answer.status) for j in (*drawn, *visits) if j.problem
    )
    lanes = tuple(
        LaneVerdict(
            name,
            seen[name],
            total,
            sum(plan.share(lane) for lane in group),
            *interval(seen[name], total, len(groups)),
            planned[name],
            tuple(
                Entered(*call, came[call], kept[call], untold[call])
                for lane in group
                for call in (Call(lane.name, way) for way in lane.entry_rules)
                if call in came or call.way.not_sent_because
            ),
        )
        for name, group in groups.items()
    )
    off = (_OTHER_WEIGHTS,) if not all(lane.fits for lane in lanes) else ()
    return Verdict(
        requests=len(answers),
        errors=sum(judged.failed for judged in (*drawn, *visits)),
        refused=sum(j.told and not j.problem and j.answer.status >= 400 for j in (*drawn, *visits)),
        lanes=lanes,
        unexpected=tuple(Unexpected(*key, count=n) for key, n in unexpected.most_common()),
        hints=hints(plan, answers) or hints(plan, (a for _, a in entered)) if unexpected else off,
        splits=splits(groups, (*drawn, *visits)),
    )


def _call(judged: Judged) -> Call:
    return Call(judged.name, judged.way)


def _counted(judged: Iterable[Judged]) -> tuple[Counter[str], Counter[str]]:
    """How many answers each lane has, and how many of them nothing is wrong with."""
    judged = list(judged)
    return Counter(j.name for j in judged), Counter(j.name for j in judged if not j.problem)
