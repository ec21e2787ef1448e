"""The judge: every answer against the plan, and the split against the weights."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lanes.answers import Answer, Step
from lanes.hints import Homes, hints
from lanes.plan import NONE, Hop, Lane, Plan
from lanes.split import interval

_OTHER_WEIGHTS = "the gateway has other weights than these manifests, or a rule before theirs"


@dataclass(frozen=True)
class LaneVerdict:
    """How one lane fared. Lanes that an answer can't tell apart are judged as one.

    `low` and `high` bound the shares (0 to 1) that `count` does not speak against.
    """

    name: str
    count: int
    share: float
    expected: float
    low: float
    high: float
    as_planned: int

    @property
    def judged(self) -> bool:
        """Whether there was an answer to judge it by."""
        return self.count > 0

    @property
    def fits(self) -> bool:
        """Whether its share may be what its weight says."""
        return self.low <= self.expected <= self.high

    @property
    def ok(self) -> bool:
        """Whether the run may pass: a lane with a weight has to have been seen."""
        seen = self.judged or not self.expected
        return seen and self.fits and self.as_planned == self.count


@dataclass(frozen=True)
class Unexpected:
    """An answer that the plan does not hold, what is wrong with it, and how often it came."""

    problem: str
    text: str
    status: int
    count: int


@dataclass(frozen=True)
class Verdict:
    """`errors`: requests that failed and should not have; `refused`: those that the plan lets fail.

    `hints`: what the answers point to where they are not as planned, a few lines each.
    """

    requests: int
    errors: int
    refused: int
    lanes: tuple[LaneVerdict, ...]
    unexpected: tuple[Unexpected, ...] = field(default=())
    hints: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.unexpected and all(lane.ok for lane in self.lanes)


def verify(plan: Plan, answers: Iterable[Answer]) -> Verdict:
    """Judge `answers` by `plan`."""
    answers = list(answers)
    told = any(answer.lane is not None for answer in answers)
    groups, homes = _groups(plan, told), Homes(plan)
    seen: Counter[str] = Counter()
    planned: Counter[str] = Counter()
    unexpected: Counter[tuple[str, str, int]] = Counter()
    answered = 0
    for answer in answers:
        name, problem = _judge(answer, homes, groups, told)
        seen[name] += 1
        if problem:
            unexpected[problem, answer.text, answer.status] += 1
        else:
            planned[name] += 1
            answered += answer.status < 400
    lanes = tuple(
        LaneVerdict(
            name,
            seen[name],
            seen[name] / max(1, len(answers)),
            sum(plan.share(lane) for lane in group),
            *interval(seen[name], max(1, len(answers)), len(groups)),
            planned[name],
        )
        for name, group in groups.items()
    )
    off = (_OTHER_WEIGHTS,) if not all(lane.fits for lane in lanes) else ()
    return Verdict(
        requests=len(answers),
        errors=sum(n for (_, _, status), n in unexpected.items() if not 200 <= status < 400),
        refused=sum(planned.values()) - answered,
        lanes=lanes,
        unexpected=tuple(Unexpected(*key, count=n) for key, n in unexpected.most_common()),
        hints=hints(plan, answers) if unexpected else off,
    )


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


def _groups(plan: Plan, told: bool) -> dict[str, tuple[Lane, ...]]:
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


def _judge(
    answer: Answer, homes: Homes, groups: dict[str, tuple[Lane, ...]], told: bool
) -> tuple[str, str]:
    """The lane that the answer counts for ("": none), and what is wrong with it ("": nothing)."""
    for step in answer.path:
        if home := homes.missed_by(step):
            name = answer.lane if answer.lane in groups else ""
            return name, f"{step.service} in namespace {step.namespace} answered, not {home}'s"
    failed = not 200 <= answer.status < 400
    if told and answer.path:
        name = answer.lane or ""
        if name not in groups:
            return "", f"lane {name} is not planned" if name else "no hop read a lane"
    else:
        name = next((n for n, lanes in groups.items() if fits(answer, lanes[0])), "")
        if not name:
            return "", _stray(answer, failed)
    lost = _lost(answer) if told else ""
    if lost:
        return name, f"lane {answer.lane} is {lost}"
    if fits(answer, groups[name][0]):
        return name, ""
    return name, f"lane {name} failed" if failed else f"lane {name} took another path"


def _stray(answer: Answer, failed: bool) -> str:
    """What is wrong with an answer that belongs to no lane."""
    if not answer.path:
        return "no answer of the services"
    return "the request failed" if failed else "no lane has this path"


def _lost(answer: Answer) -> str:
    """Where a hop did not read the lane that the gateway stamped; "" where all did."""
    hops = (step for step in answer.path if step.version and step.lane != answer.lane)
    return next((f"{step.lane or 'lost'} at {step.service}" for step in hops), "")
