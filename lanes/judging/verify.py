"""The judge: every answer against the plan, and the split against the weights.

A request is drawn into a lane, by weight, or enters it on purpose, by a way in; the split is that
of the drawn alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lanes.judging.answers import Answer, Step
from lanes.judging.hints import Homes, hints
from lanes.judging.split import interval
from lanes.planning.plan import NONE, Hop, Lane, Plan
from lanes.planning.ways import Way

_OTHER_WEIGHTS = "the gateway has other weights than these manifests, or a rule before theirs"

# How many requests enter each lane that has a way in, where nobody says.
LANE_REQUESTS = 20


@dataclass(frozen=True)
class Entered:
    """How `lane` fared by a way into it."""

    lane: str
    by: Way
    count: int
    as_planned: int


@dataclass(frozen=True)
class LaneVerdict:
    """How one lane fared. Lanes that an answer can't tell apart are judged as one.

    `count` of `total` were drawn, and `low` and `high` bound the shares (0 to 1) that this does
    not speak against; `as_planned` of them took the lane's path.
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
        return self.count > 0 or bool(self.entered)

    @property
    def fits(self) -> bool:
        """Whether its share may be what its weight says."""
        return self.low <= self.expected <= self.high

    @property
    def ok(self) -> bool:
        """Whether the run may pass: a lane with a weight has to be among the drawn, if any are."""
        seen = self.count > 0 or not self.expected or (self.judged and not self.total)
        entered_right = all(entered.as_planned == entered.count for entered in self.entered)
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
    `hints`: what the answers point to where they are not as planned, a few lines each.
    """

    requests: int
    errors: int
    refused: int
    lanes: tuple[LaneVerdict, ...]
    unexpected: tuple[Unexpected, ...] = field(default=())
    hints: tuple[str, ...] = ()

    @property
    def entered(self) -> tuple[Entered, ...]:
        """How the lanes fared that were entered, in the order of the plan."""
        return tuple(entered for lane in self.lanes for entered in lane.entered)

    @property
    def ok(self) -> bool:
        return not self.unexpected and all(lane.ok for lane in self.lanes)


def verify(
    plan: Plan, answers: Iterable[Answer], entered: Iterable[tuple[str, Answer]] = ()
) -> Verdict:
    """Judge by `plan` the `answers` that were drawn, and each that entered the named lane.

    Where none were drawn, no lane is judged but those that were entered.
    """
    answers, entered = list(answers), list(entered)
    told = any(answer.lane is not None for answer in (*answers, *(a for _, a in entered)))
    names = {name for name, _ in entered}
    visited = {lane.name: lane for lane in plan.lanes if lane.name in names}
    alone: _Groups = {name: (lane,) for name, lane in visited.items()}
    groups = _groups(plan, told) if answers or not entered else alone
    homes = Homes(plan)
    drawn = [(*_judge(answer, homes, groups, told), answer) for answer in answers]
    visits = [(name, _judge_entered(a, homes, visited[name], told), a) for name, a in entered]
    seen, planned = _counted(drawn)
    came, kept = _counted(visits)
    unexpected = Counter((p, a.text, a.status) for _, p, a in (*drawn, *visits) if p)
    lanes = tuple(
        LaneVerdict(
            name,
            seen[name],
            len(answers),
            sum(plan.share(lane) for lane in group),
            *interval(seen[name], len(answers), len(groups)),
            planned[name],
            tuple(
                Entered(lane.name, lane.ways[0], came[lane.name], kept[lane.name])
                for lane in group
                if lane.name in visited
            ),
        )
        for name, group in groups.items()
    )
    off = (_OTHER_WEIGHTS,) if not all(lane.fits for lane in lanes) else ()
    return Verdict(
        requests=len(answers),
        errors=sum(n for (_, _, status), n in unexpected.items() if not 200 <= status < 400),
        refused=sum(not p and a.status >= 400 for _, p, a in (*drawn, *visits)),
        lanes=lanes,
        unexpected=tuple(Unexpected(*key, count=n) for key, n in unexpected.most_common()),
        hints=hints(plan, answers) or hints(plan, (a for _, a in entered)) if unexpected else off,
    )


_Groups = dict[str, tuple[Lane, ...]]
_Judged = tuple[str, str, Answer]
"""A lane ("": none), what is wrong with an answer that counts for it ("": nothing), the answer."""


def _counted(judged: Iterable[_Judged]) -> tuple[Counter[str], Counter[str]]:
    """How many answers each lane has, and how many of them nothing is wrong with."""
    judged = list(judged)
    return Counter(n for n, _, _ in judged), Counter(n for n, problem, _ in judged if not problem)


def fits(answer: Answer, lane: Lane) -> bool:
    """Whether `answer` is what the plan holds for `lane`."""
    path = () if lane.entry.why == NONE else lane.path
    ends = (hop.status for hop in (lane.entry, *path) if hop.why == NONE)
    return (
        answer.status == next(ends, 200)
        and len(answer.path) == len(path)
        and all(_fits(step, hop) for step, hop in zip(answer.path, path, strict=True))
    )


def _fits(step: Step, hop: Hop) -> bool:
    return step.service == hop.service and step.version in (hop.versions or ("",))


def _groups(plan: Plan, told: bool) -> _Groups:
    """The lanes by the name they are judged under: those that no answer tells apart are one."""
    alike: dict[Hop | str, list[Lane]] = {}
    for lane in plan.lanes:
        ends_at_the_gateway = lane.entry.why == NONE
        apart = told and not ends_at_the_gateway
        alike.setdefault(lane.name if apart else _without_reasons(lane.entry), []).append(lane)
    return {" or ".join(lane.name for lane in lanes): tuple(lanes) for lanes in alike.values()}


def _without_reasons(hop: Hop) -> Hop:
    upstreams = tuple(_without_reasons(upstream) for upstream in hop.upstreams)
    return replace(hop, why="", upstreams=upstreams)


def _judge(answer: Answer, homes: Homes, groups: _Groups, told: bool) -> tuple[str, str]:
    """The lane that the answer counts for ("": none), and what is wrong with it ("": nothing)."""
    if foreign := _foreign(answer, homes):
        return answer.lane if answer.lane in groups else "", foreign
    if told and answer.path:
        name = answer.lane or ""
        if name not in groups:
            return "", f"lane {name} is not planned" if name else "no hop read a lane"
    else:
        name = next((n for n, lanes in groups.items() if fits(answer, lanes[0])), "")
        if not name:
            return "", _stray(answer)
    return name, _off(answer, name, groups[name][0], told)


def _judge_entered(answer: Answer, homes: Homes, lane: Lane, told: bool) -> str:
    """What is wrong with an answer to a request that entered `lane` ("": nothing)."""
    if problem := _foreign(answer, homes):
        pass
    elif not answer.path:
        problem = "" if fits(answer, lane) else _stray(answer)
    elif told and answer.lane != lane.name:
        problem = f"lane {answer.lane} answered" if answer.lane else "no hop read a lane"
    else:
        problem = _off(answer, lane.name, lane, told)
    return problem and f"by {lane.ways[0]}: {problem}"


def _foreign(answer: Answer, homes: Homes) -> str:
    """Whose pods answered where they are not the plan's; "" where they may be."""
    for step in answer.path:
        if home := homes.missed_by(step):
            return f"{step.service} in namespace {step.namespace} answered, not {home}'s"
    return ""


def _off(answer: Answer, name: str, lane: Lane, told: bool) -> str:
    """How the answer left its lane's path; "" where it did not."""
    lost = _lost(answer) if told else ""
    if lost:
        return f"lane {answer.lane} is {lost}"
    if fits(answer, lane):
        return ""
    return f"lane {name} failed" if _failed(answer) else f"lane {name} took another path"


def _stray(answer: Answer) -> str:
    """What is wrong with an answer that belongs to no lane."""
    if not answer.path:
        return "no answer of the services"
    return "the request failed" if _failed(answer) else "no lane has this path"


def _failed(answer: Answer) -> bool:
    return not 200 <= answer.status < 400


def _lost(answer: Answer) -> str:
    """Where a hop did not read the lane that the gateway stamped; "" where all did."""
    hops = (step for step in answer.path if step.version and step.lane != answer.lane)
    return next((f"{step.lane or 'lost'} at {step.service}" for step in hops), "")
