"""How each lane does, beside the baseline: how often its requests fail, and how long they take.

What is compared is the lane as its users have it, from the gateway on, and through hops that it
may share with others. Lanes are compared with what came by the baseline in the same run. A lane
that is slower has to be so throughout the run: see `blocks`.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from lanes.evidence.steps import Answer
from lanes.planning.result import Plan
from lanes.verification import blocks, significance
from lanes.verification.baseline import baseline_of
from lanes.verification.classification import ClassifiedAnswer, classify, failed
from lanes.verification.targets import Target

# How often a run finds a lane worse though all are alike. Shared out among lanes and tests (Holm).
FALSE_ALARM = 0.01
# What is not called slower, or faster: less than this part of the time, and less than so many ms.
MARGIN, MARGIN_MS = 0.1, 1.0

FAILURES, LATENCY, TAIL = "failures", "latency", "p99"


@dataclass(frozen=True)
class Figures:
    """`count` answers, of which `failed` did; `times` in ms, in order, of those that succeeded."""

    count: int
    failed: int
    times: tuple[float, ...]

    def at(self, part: float) -> float | None:
        """The time that `part` (0 to 1) of the answers took at most; None where none is known."""
        return significance.quantile(self.times, part) if self.times else None


@dataclass(frozen=True)
class HopFigures:
    """How the pods of one version did in a lane: their own time, without their upstreams'."""

    service: str
    version: str
    figures: Figures

    def __str__(self) -> str:
        return f"{self.service} {self.version}" if self.version else self.service


@dataclass(frozen=True)
class Difference:
    """That a lane differs from the baseline in `what`, one of FAILURES, LATENCY and TAIL.

    `chance`: the p-value, corrected. `by`: the difference, as a share of requests or in ms.
    `at`: the hop that most of it comes from; "" where that is none.
    """

    what: str
    chance: float
    by: float
    at: str = ""


@dataclass(frozen=True)
class LanePerformance:
    """How one lane did, and in what it is `worse` and `better` than the baseline.

    `blocks`: the times of `figures` again, by the number of their block of the run.
    """

    name: str
    figures: Figures
    hops: tuple[HopFigures, ...]
    blocks: Mapping[int, Sequence[float]]
    worse: tuple[Difference, ...] = ()
    better: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Performance:
    """How the lanes did. `baseline`: the name of the one they are compared with, "" for none.

    `without_lane`: how many failures are of no lane that is known. `warm_up`: how many answers came
    first, and count for no latency. `found`: how often a lane must fail to be found, by its name.
    """

    baseline: str
    lanes: tuple[LanePerformance, ...]
    without_lane: int
    warm_up: int
    found: Mapping[str, float]

    @property
    def worse(self) -> tuple[LanePerformance, ...]:
        return tuple(lane for lane in self.lanes if lane.worse)

    @cached_property
    def hops(self) -> tuple[tuple[HopFigures, tuple[str, ...]], ...]:
        """Each version at each service, whatever the lane, and the names of its lanes."""
        places = list(dict.fromkeys(hop.service for lane in self.lanes for hop in lane.hops))
        merged: dict[tuple[str, str], list[tuple[str, Figures]]] = defaultdict(list)
        for lane in self.lanes:
            for hop in lane.hops:
                merged[hop.service, hop.version].append((lane.name, hop.figures))
        return tuple(
            (HopFigures(*key, _sum(figures for _, figures in found)), tuple(n for n, _ in found))
            for key, found in sorted(merged.items(), key=lambda item: places.index(item[0][0]))
        )


def allowed(ms: float) -> float:
    """The longest time that is not called slower than `ms`."""
    return max(ms * (1 + MARGIN), ms + MARGIN_MS)


def performance(
    plan: Plan,
    answers: Iterable[Answer],
    entered: Iterable[tuple[Target, Answer]] = (),
    *,
    baseline: str = "",
    warm_up: int = 0,
) -> Performance:
    """How the lanes did by `answers` that were drawn and those that `entered` one.

    `baseline`: the lane to compare with; where none is named, `baseline_of` says. The first
    `warm_up` requests count for no latency: they open the connections. Answers that tell nothing
    (see ClassifiedAnswer) are left out.
    """
    sorted_by_lane = classify(plan, answers, entered)
    came = (*sorted_by_lane.drawn, *sorted_by_lane.entered)
    block_of = _blocks(warm_up, came)
    lanes = sorted_by_lane.groups
    named = baseline or baseline_of(plan)
    base = next((n for n, group in lanes.items() if named in {lane.name for lane in group}), "")
    by_lane: dict[str, list[ClassifiedAnswer]] = defaultdict(list)
    for one in (one for one in came if one.conclusive):
        # Who enters a lane is one of those that answers can't tell apart from it.
        own = next((n for n, g in lanes.items() if one.name in {lane.name for lane in g}), one.name)
        by_lane[own].append(one)
    measured = {name: _measured(name, by_lane[name], block_of) for name in lanes if by_lane[name]}
    if base not in measured:
        base = ""
    others = [lane for name, lane in measured.items() if base and name != base]
    beside = {lane.name: lane for lane in compared(others, measured.get(base))}
    limit = FALSE_ALARM / (3 * max(1, len(others)))
    return Performance(
        base,
        tuple(beside.get(name, lane) for name, lane in measured.items()),
        sum(one.failed for one in by_lane[""]),
        len(came) - len(block_of),
        {
            lane.name: significance.detectable_share(
                lane.figures.count, measured[base].figures.count, limit
            )
            for lane in others
        },
    )


def _blocks(warm_up: int, classified: Sequence[ClassifiedAnswer]) -> dict[int, int]:
    """The block of each that counts for latency: by identity, for answers may be alike."""
    numbered = list(enumerate(classified))
    known = [(began, n) for n, one in numbered if (began := one.answer.began) is not None]
    opening = {number for _, number in sorted(known)[:warm_up]}
    timed = {id(one): one.answer for number, one in numbered if number not in opening}
    clocked = {
        key: (answer.began, answer.took_ms)
        for key, answer in timed.items()
        if answer.began is not None and answer.took_ms is not None
    }
    at = blocks.cut([*clocked.values()])
    return dict.fromkeys(timed, 0) | dict(zip(clocked, at, strict=True))


def _measured(
    name: str, classified: Sequence[ClassifiedAnswer], block_of: Mapping[int, int]
) -> LanePerformance:
    """The lane without comparison."""
    asked: list[tuple[bool, float | None]] = []
    hops: dict[tuple[str, str], list[tuple[bool, float | None]]] = defaultdict(list)
    by_block: dict[int, list[float]] = defaultdict(list)
    for one in classified:
        block = block_of.get(id(one))
        took = None if failed(one.answer) else one.answer.took_ms
        if block is not None and took is not None:
            by_block[block].append(took)
        asked.append((one.failed, None if block is None else took))
        for step in one.answer.path:
            if measured := step.measured:
                own = measured.own_ms if block is not None and measured.status < 400 else None
                hops[step.service, step.version].append((bool(measured.error), own))
    figures = (HopFigures(*key, _figures(measured)) for key, measured in hops.items())
    return LanePerformance(name, _figures(asked), tuple(figures), by_block)


def _figures(measured: Sequence[tuple[bool, float | None]]) -> Figures:
    times = tuple(sorted(ms for _, ms in measured if ms is not None))
    return Figures(len(measured), sum(failed for failed, _ in measured), times)


def _sum(parts: Iterable[Figures]) -> Figures:
    parts = list(parts)
    times = tuple(sorted(time for part in parts for time in part.times))
    return Figures(sum(p.count for p in parts), sum(p.failed for p in parts), times)


def compared(
    lanes: Sequence[LanePerformance], base: LanePerformance | None
) -> Iterable[LanePerformance]:
    """The lanes with what tells them from the baseline, each direction corrected by itself."""
    if base is None:
        return []
    worse = _significant([_tests(lane, base) for lane in lanes])
    better = _significant([_tests(base, lane) for lane in lanes])
    return [
        replace(
            lane,
            worse=tuple(_difference(what, chance, lane, base) for what, chance in down.items()),
            better=tuple(_difference(what, chance, lane, base) for what, chance in up.items()),
        )
        for lane, down, up in zip(lanes, worse, better, strict=True)
    ]


def _tests(one: LanePerformance, other: LanePerformance) -> dict[str, float]:
    """How likely chance alone brings what speaks for `one` to be worse than `other`, by test.

    What speaks for it as a whole has to do so in its blocks as well.
    """
    mine, others = one.figures, other.figures
    beside = [allowed(ms) for ms in others.times]
    tests = {
        FAILURES: significance.more_often(mine.failed, mine.count, others.failed, others.count)
    }
    if not beside:
        return tests
    limit = significance.quantile(beside, 0.99)
    shared = [
        (one.blocks[block], [allowed(ms) for ms in times])
        for block, times in other.blocks.items()
        if block in one.blocks
    ]
    # A logarithm, so that one answer which took ten times as long does not count as ten.
    later = [fmean(map(math.log1p, own)) - fmean(map(math.log1p, base)) for own, base in shared]
    above = [_share_above(limit, own) - _share_above(limit, base) for own, base in shared]
    return tests | {
        LATENCY: max(significance.larger(mine.times, beside), significance.above_zero(later)),
        TAIL: max(significance.longer_tail(mine.times, beside), significance.above_zero(above)),
    }


def _share_above(limit: float, times: Sequence[float]) -> float:
    return sum(ms > limit for ms in times) / len(times)


def _significant(tests: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """What is too unlikely for chance, by lane, with its corrected p-value."""
    flat = [(number, what, p) for number, lane in enumerate(tests) for what, p in lane.items()]
    corrected = significance.holm([p for _, _, p in flat])
    measured: list[dict[str, float]] = [{} for _ in tests]
    for (number, what, _), chance in zip(flat, corrected, strict=True):
        if chance <= FALSE_ALARM:
            measured[number][what] = chance
    return measured


def _difference(
    what: str, chance: float, lane: LanePerformance, base: LanePerformance
) -> Difference:
    """The difference, and the hop that at least half of it comes from."""
    if what == FAILURES:
        own, others = lane.figures, base.figures
        by = own.failed / own.count - others.failed / others.count
        gains = {hop: hop.figures.failed / own.count for hop in lane.hops}
    else:
        part = 0.99 if what == TAIL else 0.5
        by = (lane.figures.at(part) or 0.0) - (base.figures.at(part) or 0.0)
        before = {hop.service: hop.figures.at(part) for hop in base.hops}
        gains = {
            hop: (hop.figures.at(part) or 0.0) - (before.get(hop.service) or 0.0)
            for hop in lane.hops
        }
    first = max(gains, key=lambda hop: gains[hop], default=None) if by > 0 else None
    return Difference(what, chance, by, str(first) if first and gains[first] >= by / 2 else "")
