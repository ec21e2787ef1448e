"""Lanes that are worse than the baseline, and the hops that cause it."""

import json
import random
from dataclasses import replace

import pytest

from lanes.evidence.steps import Answer, Measured, Step
from lanes.planning.entry_rule import EntryRule
from lanes.report.performance import performance_json, show_performance
from lanes.verification.baseline import baseline_of
from lanes.verification.performance import (
    FAILURES,
    FALSE_ALARM,
    LATENCY,
    TAIL,
    Figures,
    HopFigures,
    LanePerformance,
    Performance,
    allowed,
    compared,
    performance,
)
from lanes.verification.significance import detectable_share
from lanes.verification.targets import Target
from tests import kube
from tests.kube import SAMPLE, asm
from tests.unit.lanes.reading import plan_of, printed

SERVICES = ("mocka", "mockb", "mockc")
PATHS = {"v1": "v1 v1 v1", "v2": "v2 v1 v2", "v3": "v3 v3 v1"}
PLAN = plan_of(*asm())


def answer(lane: str, *, extra: float = 0, failed: bool = False, began: float = 0) -> Answer:
    """Return an answer of about 9 ms. The last hop takes `extra` ms more, or fails."""
    luck = random.Random(f"{lane} {began}")
    own = [luck.lognormvariate(0, 0.3) for _ in SERVICES]
    own[-1] += extra
    steps = []
    for depth, (service, version) in enumerate(zip(SERVICES, PATHS[lane].split(), strict=True)):
        error = "injected" if failed and depth == 2 else ""
        told = Measured(depth, "::1", 503 if failed else 200, sum(own[depth:]), own[depth], error)
        steps.append(Step(service, version, lane, None, told))
    took = 6 + sum(own)
    return Answer(503 if failed else 200, lane, tuple(steps), began, took)


def by_weight(requests: int, lane: str = "", extra: float = 0, failing: float = 0) -> list[Answer]:
    """Return answers by 40:30:30. Those of `lane` take `extra` ms more; a part of them fails."""
    answers, luck = [], random.Random(1)
    for number in range(requests):
        drawn = ("v1", "v1", "v1", "v1", "v2", "v2", "v2", "v3", "v3", "v3")[number % 10]
        bad = drawn == lane
        failed = bad and luck.random() < failing
        answers.append(answer(drawn, extra=extra * bad, failed=failed, began=number))
    return answers


def worse(told: Performance) -> dict[str, set[str]]:
    return {lane.name: {difference.what for difference in lane.worse} for lane in told.worse}


def test_equal_lanes_are_neither_worse_nor_better() -> None:
    told = performance(PLAN, by_weight(1000))
    assert (told.baseline, told.without_lane, worse(told)) == ("v1", 0, {})
    assert [lane.figures.count for lane in told.lanes] == [400, 300, 300]
    assert not any(lane.better for lane in told.lanes)


def test_a_slow_and_failing_canary_is_worse_at_its_hop() -> None:
    told = performance(PLAN, by_weight(1000, "v2", 30, 0.05))
    assert worse(told) == {"v2": {"failures", "latency", "p99"}}
    (v2,) = told.worse
    assert {difference.at for difference in v2.worse} == {"mockc v2"}
    latency = next(difference for difference in v2.worse if difference.what == LATENCY)
    assert 29 < latency.by < 31
    assert [hop.figures.failed > 0 for hop in v2.hops] == [False, False, True]


def test_a_lane_fails_more_than_its_baseline_by_the_difference_of_their_shares() -> None:
    answers = []
    for number in range(1000):
        drawn, fails = ("v1", number % 20 == 0) if number % 2 == 0 else ("v2", number % 4 == 1)
        answers.append(answer(drawn, failed=fails, began=number))
    (v2,) = performance(PLAN, answers).worse
    assert {one.what: one.by for one in v2.worse} == {FAILURES: pytest.approx(0.5 - 0.1)}


def test_a_lane_is_better_than_a_slow_baseline() -> None:
    told = performance(PLAN, by_weight(1000, "v1", 30))
    assert worse(told) == {}
    assert [bool(lane.better) for lane in told.lanes] == [False, True, True]
    assert worse(performance(PLAN, by_weight(1000, "v1", 30), baseline="v2")) == {
        "v1": {LATENCY, TAIL}
    }


def test_a_few_slow_answers_make_the_tail_worse() -> None:
    answers = by_weight(1000)
    for number in [n for n, a in enumerate(answers) if a.lane == "v3"][::10]:
        answers[number] = answer("v3", extra=400, began=number)
    told = performance(PLAN, answers)
    assert worse(told) == {"v3": {TAIL}}
    ((tail,),) = (lane.worse for lane in told.worse)
    assert tail.by == pytest.approx(400, rel=0.1)
    assert tail.at == "mockc v1"


def test_a_lane_that_was_delayed_for_a_while_is_not_worse() -> None:
    """Requests that are under way together share their delays."""
    answers = [replace(a, began=n // 8 * 0.01) for n, a in enumerate(by_weight(320))]
    held = [
        replace(a, took_ms=200.0) if a.lane == "v3" and 80 <= n < 160 else a
        for n, a in enumerate(answers)
    ]
    assert worse(performance(PLAN, held)) == {}
    always = [replace(a, took_ms=200.0) if a.lane == "v3" else a for a in answers]
    assert set(worse(performance(PLAN, always))) == {"v3"}


@pytest.mark.parametrize(("ms", "longest"), [(5, 6), (10, 11), (100, 110)])
def test_the_longest_time_that_is_not_slower(ms: float, longest: float) -> None:
    assert allowed(ms) == pytest.approx(longest)
    answers = [replace(a, took_ms=ms) for a in by_weight(1000)]
    hardly = [replace(a, took_ms=longest) if a.lane == "v2" else a for a in answers]
    more = [replace(a, took_ms=longest + 0.1) if a.lane == "v2" else a for a in answers]
    assert worse(performance(PLAN, hardly)) == {}
    assert worse(performance(PLAN, more)) == {"v2": {LATENCY, TAIL}}


def test_failed_requests_and_those_of_the_warm_up_have_no_latency() -> None:
    answers = by_weight(100, "v2", failing=0.5)
    failed = sum(a.status == 503 for a in answers)
    for came in (answers, answers[::-1]):  # in whatever order they came
        told = performance(PLAN, came, warm_up=8)
        assert told.warm_up == 8
        assert sum(len(lane.figures.times) for lane in told.lanes) <= 92 - failed + 8
        first = {a.took_ms for a in answers[:8]}
        assert not first & {time for lane in told.lanes for time in lane.figures.times}


@pytest.mark.parametrize(
    ("warm_up", "status", "times"), [(0, 200, 1), (0, 399, 1), (0, 400, 0), (1, 200, 0)]
)
def test_the_own_time_of_a_hop_that_failed_or_opened_a_connection_does_not_count(
    warm_up: int, status: int, times: int
) -> None:
    measured = Measured(0, "::1", status, 9.0, 5.0)
    came = Answer(200, "", (Step("mocka", "v1", "v1", None, measured),), began=0.0, took_ms=9.0)
    ((hop, lanes),) = performance(PLAN, [came], warm_up=warm_up).hops
    assert (hop.figures, lanes) == (Figures(1, 0, (5.0,) * times), ("v1",))


def test_answers_without_a_time_of_their_own_are_counted_and_not_compared() -> None:
    told = performance(PLAN, [replace(a, began=None) for a in by_weight(100, "v2", 30)])
    assert [len(lane.figures.times) for lane in told.lanes] == [40, 30, 30]
    assert [set(lane.blocks) for lane in told.lanes] == [{0}] * 3
    untimed = performance(PLAN, [replace(a, took_ms=None) for a in by_weight(100)])
    assert [(lane.figures.count, lane.figures.times) for lane in untimed.lanes] == [
        (40, ()),
        (30, ()),
        (30, ()),
    ]


def test_answers_by_entry_rules_count_for_their_group_of_lanes() -> None:
    chain = {"mocka": (("v1", "v3"), ("mockb",)), "mockb": (("v1",), ())}
    path = (Step("mocka", "v1"), Step("mockb", "v1"))
    came = Answer(200, "", path, began=0.0, took_ms=9.0)
    told = performance(plan_of(*asm(chain)), [came], [(Target("v2", EntryRule()), came)])
    assert [(lane.name, lane.figures.count) for lane in told.lanes] == [("v1 or v2", 2)]


@pytest.mark.parametrize(("counts", "others"), [((40, 30, 0), 1), ((40, 30, 30), 2)])
def test_the_share_of_failures_that_a_run_detects(counts: tuple[int, ...], others: int) -> None:
    """Three tests of each lane share the false alarm rate."""
    came = [
        answer(name, began=n)
        for name, count in zip(PATHS, counts, strict=True)
        for n in range(count)
    ]
    found = performance(PLAN, came).found
    limit = FALSE_ALARM / (3 * others)
    shares = {name: detectable_share(n, 40, limit) for name, n in zip(PATHS, counts, strict=True)}
    assert dict(found) == {name: shares[name] for name in ("v2", "v3")[:others]}


def constant(name: str, ms: float, hops: dict[str, tuple[float, ...]]) -> LanePerformance:
    """Return a lane of 40 answers in two blocks, of `ms` each, with its hops' own times."""
    figures = tuple(
        HopFigures(hop, "v1", Figures(40, 40 - len(times), times)) for hop, times in hops.items()
    )
    blocks = dict.fromkeys(range(2), (ms,) * 20)
    return LanePerformance(name, Figures(40, 0, (ms,) * 40), figures, blocks)


@pytest.mark.parametrize(
    ("hops", "at"),
    [
        ({"shop": (15.0,), "cart": (5.0,)}, "shop v1"),
        ({"shop": (14.9,), "cart": (4.9,)}, ""),
        ({"shop": (10.0,), "cart": (12.0,)}, "cart v1"),
        # What the baseline has no time of is slower by all that it takes, and what has none by 0.
        ({"shop": (10.0,), "users": (5.0,), "cart": ()}, "users v1"),
        ({"shop": (), "cart": ()}, ""),
        ({}, ""),
    ],
)
def test_a_difference_is_at_the_hop_that_causes_half_of_it(
    hops: dict[str, tuple[float, ...]], at: str
) -> None:
    base = constant("v1", 10, {"shop": (10.0,), "cart": (0.0,), "users": ()})
    slow = constant("v2", 20, hops)
    ((found,), (other,)) = (
        list(compared([one], beside)) for one, beside in ((slow, base), (base, slow))
    )
    assert {one.what: (one.by, one.at) for one in found.worse} == {
        LATENCY: (10, at),
        TAIL: (10, at),
    }
    assert {one.what: (one.by, one.at) for one in other.better} == {
        LATENCY: (-10, ""),
        TAIL: (-10, ""),
    }
    assert (found.better, other.worse) == ((), ())


def test_a_lane_that_is_slower_in_one_block_is_not_worse() -> None:
    base, slow = constant("v1", 10, {}), constant("v2", 20, {})
    assert [one.what for one in next(iter(compared([slow], base))).worse] == [LATENCY, TAIL]
    once = replace(slow, blocks={0: slow.blocks[0], 2: slow.blocks[1]})
    assert next(iter(compared([once], base))).worse == ()


def test_failures_of_unknown_lanes_count_for_no_lane() -> None:
    told = performance(PLAN, [*by_weight(100), Answer(503, "no healthy upstream")])
    assert (told.without_lane, [lane.figures.failed for lane in told.lanes]) == (1, [0, 0, 0])


def test_a_version_at_a_service_is_one_hop_in_all_lanes() -> None:
    hops = performance(PLAN, by_weight(100)).hops
    assert [(str(hop), hop.figures.count, lanes) for hop, lanes in hops] == [
        ("mocka v1", 40, ("v1",)),
        ("mocka v2", 30, ("v2",)),
        ("mocka v3", 30, ("v3",)),
        ("mockb v1", 70, ("v1", "v2")),
        ("mockb v3", 30, ("v3",)),
        ("mockc v1", 70, ("v1", "v3")),
        ("mockc v2", 30, ("v2",)),
    ]


@pytest.mark.parametrize(
    ("weights", "baseline"),
    [({"v1": 10, "v2": 90}, "v1"), ({"v2": 40, "v3": 30, "v1": 30}, "v1"), ({"v3": 1}, "v3")],
)
def test_the_baseline_is_the_lane_that_others_fall_back_to(
    weights: dict[str, int], baseline: str
) -> None:
    assert baseline_of(plan_of(*asm(weights=weights))) == baseline


def test_a_lane_that_is_entered_is_compared_with_requests_by_weight() -> None:
    beside = plan_of(*kube.base(SAMPLE, {"v1": 100}), *kube.lane("v3", SAMPLE))
    drawn = [answer("v1", began=n) for n in range(100)]
    by_header = Target("v3", EntryRule({"x-lane": "v3"}))
    entered = [(by_header, answer("v3", extra=30, began=n)) for n in range(50)]
    assert worse(performance(beside, drawn, entered)) == {"v3": {LATENCY, TAIL}}
    nothing_there = (Target("v3", EntryRule(path="/beta")), Answer(404, "<!doctype html>"))
    assert performance(beside, drawn, [*entered, nothing_there]) == performance(
        beside, drawn, entered
    )
    alone = performance(beside, (), entered)
    assert (alone.baseline, worse(alone), dict(alone.found)) == ("", {}, {})


def test_it_is_told_in_80_columns() -> None:
    told = performance(PLAN, [*by_weight(1000, "v2", 30, 0.05), Answer(503, "")])
    lines = printed(show_performance, told)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        "lane",
        "answers",
        "failed",
        "median",
        "p90",
        "p99",
        "compared",
        "with",
        "v1",
    ]
    assert lines[2].split()[-1] == "worse"
    assert lines[4].startswith("v2 fails ")
    assert lines[4].endswith(" points more than v1; most of it at mockc v2")
    assert "1 failure without a known lane" in lines


def test_it_is_told_to_programs() -> None:
    told = json.loads(json.dumps(performance_json(performance(PLAN, by_weight(1000, "v2", 30)))))
    assert list(told) == ["baseline", "warm_up", "failures_without_lane", "lanes", "hops"]
    v2 = told["lanes"]["v2"]
    assert v2["compared_with_baseline"] == "worse"
    assert [found["what"] for found in v2["worse"]] == [LATENCY, TAIL]
    assert v2["hops"][2].items() >= {"service": "mockc", "version": "v2", "count": 300}.items()
    assert told["lanes"]["v1"]["compared_with_baseline"] is None
