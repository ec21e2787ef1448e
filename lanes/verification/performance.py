"""Compares each lane with the baseline: how often its requests fail, and how long they take.

Requests are measured as users have them: from the gateway on, including hops that lanes share.
Lanes are compared with the baseline's requests of the same run. A lane counts as slower only if it
is slower throughout the run: see `blocks`.
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

# How often a run finds a lane worse though all are alike. Lanes and tests share this rate (Holm).
FALSE_ALARM = 0.01
# Times within this part of the other's, or within so many ms, count as equal.
MARGIN, MARGIN_MS = 0.1, 1.0

FAILURES, LATENCY, TAIL = "failures", "latency", "p99"


@dataclass(frozen=True)
class Figures:
    """`count` answers, of which `failed` failed; `times`: those of the others in ms, ascending."""

    count: int
    failed: int
    times: tuple[float, ...]

    def at(self, part: float) -> float | None:
        """Return the quantile `part` (0 to 1) of the times; None if there are none."""
        return significance.quantile(self.times, part) if self.times else None


@dataclass(frozen=True)
class HopFigures:
    """The figures of one version's pods in a lane: their own time, without their upstreams'."""

    service: str
    version: str
    figures: Figures

    def __str__(self) -> str:
        return f"{self.service} {self.version}" if self.version else self.service


@dataclass(frozen=True)
class Difference:
    """A difference between a lane and the baseline in `what`: FAILURES, LATENCY or TAIL.

    `chance`: the corrected p-value. `by`: the difference, as a share of requests or in ms.
    `at`: the hop that most of the difference comes from; "" for none.
    """

    what: str
    chance: float
    by: float
    at: str = ""


@dataclass(frozen=True)
class LanePerformance:
    """One lane's figures, and in what it is `worse` and `better` than the baseline.

    `blocks`: the times of `figures` by the number of their block of the run.
    """

    name: str
    figures: Figures
    hops: tuple[HopFigures, ...]
    blocks: Mapping[int, Sequence[float]]
    worse: tuple[Difference, ...] = ()
    better: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Performance:
    """All lanes' figures. `baseline`: the name of the lane to compare with, "" for none.

    `without_lane`: how many failed requests are of an unknown lane. `warm_up`: how many answers
    count for no latency, since they opened connections. `found`: by lane, the least share of failed
    requests that the run detects.
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
        """Each version's figures over all lanes, and the names of these lanes."""
        services = list(dict.fromkeys(hop.service for lane in self.lanes for hop in lane.hops))
        lanes: dict[tuple[str, str], dict[str, Figures]] = defaultdict(dict)
        for lane in self.lanes:
            for hop in lane.hops:
                lanes[hop.service, hop.version][lane.name] = hop.figures
        return tuple(
            (HopFigures(*version, _sum(by_lane.values())), tuple(by_lane))
            for version, by_lane in sorted(lanes.items(), key=lambda it: services.index(it[0][0]))
        )


def allowed(ms: float) -> float:
    """Return the longest time that does not count as slower than `ms`."""
    return max(ms * (1 + MARGIN), ms + MARGIN_MS)


def performance(
    plan: Plan,
    answers: Iterable[Answer],
    entered: Iterable[tuple[Target, Answer]] = (),
    *,
    baseline: str = "",
    warm_up: int = 0,
) -> Performance:
    """Return the lanes' figures by the `answers` by weight, and by those that `entered` a lane.

    `baseline`: the lane to compare with; "": `baseline_of` the plan. The first `warm_up` requests
    open the connections, and count for no latency. Inconclusive answers are left out (see
    ClassifiedAnswer).
    """
    classified = classify(plan, answers, entered)
    everything = (*classified.drawn, *classified.entered)
    block_of = _blocks(warm_up, everything)
    group_of = {lane.name: name for name, lanes in classified.groups.items() for lane in lanes}
    base = group_of.get(baseline or baseline_of(plan), "")
    by_group: dict[str, list[ClassifiedAnswer]] = defaultdict(list)
    for answer in everything:
        if answer.conclusive:
            by_group[group_of.get(answer.name, answer.name)].append(answer)
    measured = {
        name: _measured(name, by_group[name], block_of)
        for name in classified.groups
        if by_group[name]
    }
    if base not in measured:
        base = ""
    others = [lane for name, lane in measured.items() if base and name != base]
    with_differences = {lane.name: lane for lane in compared(others, measured.get(base))}
    limit = FALSE_ALARM / (3 * max(1, len(others)))
    return Performance(
        base,
        tuple(with_differences.get(name, lane) for name, lane in measured.items()),
        sum(answer.failed for answer in by_group[""]),
        len(everything) - len(block_of),
        {
            lane.name: significance.detectable_share(
                lane.figures.count, measured[base].figures.count, limit
            )
            for lane in others
        },
    )


def _blocks(warm_up: int, classified: Sequence[ClassifiedAnswer]) -> dict[int, int]:
    """Return the block of each answer that counts for latency, by the answer's `id`."""
    begins = sorted(
        (began, number)
        for number, one in enumerate(classified)
        if (began := one.answer.began) is not None
    )
    opening = {number for _, number in begins[:warm_up]}
    counted = {id(one): one.answer for n, one in enumerate(classified) if n not in opening}
    timed = {
        key: (answer.began, answer.took_ms)
        for key, answer in counted.items()
        if answer.began is not None and answer.took_ms is not None
    }
    numbers = blocks.cut([*timed.values()])
    return dict.fromkeys(counted, 0) | dict(zip(timed, numbers, strict=True))


def _measured(
    name: str, classified: Sequence[ClassifiedAnswer], block_of: Mapping[int, int]
) -> LanePerformance:
    """Return a lane's figures, compared with no other."""
    requests: list[tuple[bool, float | None]] = []
    hops: dict[tuple[str, str], list[tuple[bool, float | None]]] = defaultdict(list)
    by_block: dict[int, list[float]] = defaultdict(list)
    for one in classified:
        block = block_of.get(id(one))
        took = None if failed(one.answer) else one.answer.took_ms
        if block is not None and took is not None:
            by_block[block].append(took)
        requests.append((one.failed, None if block is None else took))
        for step in one.answer.path:
            if measured := step.measured:
                own = measured.own_ms if block is not None and measured.status < 400 else None
                hops[step.service, step.version].append((bool(measured.error), own))
    figures = (HopFigures(*key, _figures(measured)) for key, measured in hops.items())
    return LanePerformance(name, _figures(requests), tuple(figures), by_block)


def _figures(requests: Sequence[tuple[bool, float | None]]) -> Figures:
    """Return the figures of requests: whether each failed, and its time, None for none."""
    times = tuple(sorted(ms for _, ms in requests if ms is not None))
    return Figures(len(requests), sum(failed for failed, _ in requests), times)


def _sum(parts: Iterable[Figures]) -> Figures:
    parts = list(parts)
    times = tuple(sorted(time for part in parts for time in part.times))
    return Figures(sum(p.count for p in parts), sum(p.failed for p in parts), times)


def compared(
    lanes: Sequence[LanePerformance], base: LanePerformance | None
) -> Iterable[LanePerformance]:
    """Return the lanes with their differences from the baseline.

    Tests for worse and for better are corrected separately.
    """
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


def _tests(lane: LanePerformance, base: LanePerformance) -> dict[str, float]:
    """Return by test the p-value of `lane` being worse than `base`.

    Times have to be longer over the whole run, and in its blocks.
    """
    own, other = lane.figures, base.figures
    tests = {FAILURES: significance.more_often(own.failed, own.count, other.failed, other.count)}
    allowed_times = [allowed(ms) for ms in other.times]
    if not allowed_times:
        return tests
    limit = significance.quantile(allowed_times, 0.99)
    shared_blocks = [
        (lane.blocks[block], [allowed(ms) for ms in times])
        for block, times in base.blocks.items()
        if block in lane.blocks
    ]
    # By logarithms, one answer that took ten times as long does not count as ten.
    longer = [
        fmean(map(math.log1p, ours)) - fmean(map(math.log1p, theirs))
        for ours, theirs in shared_blocks
    ]
    above = [
        _share_above(limit, ours) - _share_above(limit, theirs) for ours, theirs in shared_blocks
    ]
    return tests | {
        LATENCY: max(
            significance.larger(own.times, allowed_times), significance.above_zero(longer)
        ),
        TAIL: max(
            significance.longer_tail(own.times, allowed_times), significance.above_zero(above)
        ),
    }


def _share_above(limit: float, times: Sequence[float]) -> float:
    return sum(ms > limit for ms in times) / len(times)


def _significant(tests: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return for each lane the significant tests, with their corrected p-values."""
    corrected = iter(significance.holm([chance for lane in tests for chance in lane.values()]))
    chances = [{what: next(corrected) for what in lane} for lane in tests]
    return [{w: chance for w, chance in lane.items() if chance <= FALSE_ALARM} for lane in chances]


def _difference(
    what: str, chance: float, lane: LanePerformance, base: LanePerformance
) -> Difference:
    """Return the difference, and the hop that at least half of it comes from."""
    if what == FAILURES:
        own, other = lane.figures, base.figures
        by = own.failed / own.count - other.failed / other.count
        by_hop = {hop: hop.figures.failed / own.count for hop in lane.hops}
    else:
        part = 0.99 if what == TAIL else 0.5
        by = (lane.figures.at(part) or 0.0) - (base.figures.at(part) or 0.0)
        base_times = {hop.service: hop.figures.at(part) for hop in base.hops}
        by_hop = {
            hop: (hop.figures.at(part) or 0.0) - (base_times.get(hop.service) or 0.0)
            for hop in lane.hops
        }
    most = max(by_hop, key=lambda hop: by_hop[hop], default=None) if by > 0 else None
    return Difference(what, chance, by, str(most) if most and by_hop[most] >= by / 2 else "")
