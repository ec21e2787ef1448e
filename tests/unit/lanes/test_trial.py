"""A trial from the questions to the result, against a gateway that takes no time."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import pytest

from lanes.judging.answers import Answer, Step
from lanes.judging.asking import Asking
from lanes.judging.traffic import Client, Gateway
from lanes.planning.plan import Plan
from lanes.planning.ways import Way
from lanes.trial import Result, Trial
from tests import kube
from tests.kube import SAMPLE, asm
from tests.unit.lanes.reading import plan_of

PATHS = {"v1": "v1 v1 v1", "v2": "v2 v1 v2", "v3": "v3 v3 v1"}
PLAN = plan_of(*asm())
BESIDE = plan_of(*kube.base(SAMPLE, {"v1": 100}), *kube.lane("v3", SAMPLE))


@dataclass
class Clock:
    """A gateway that says itself how long it took: `slow` is a lane that takes 30 ms more."""

    slow: str = ""
    wrong: int = -1
    by_weight: tuple[str, ...] = ("v1",) * 4 + ("v2",) * 3 + ("v3",) * 3
    url: str = "http://gateway/"

    def __post_init__(self) -> None:
        self.asked: list[str] = []

    def client(self, _: int) -> "Clock":
        return self

    def require_reachable(self) -> None:
        pass

    def ask(self, way: Way) -> Answer:
        number = len(self.asked)
        entered = way.headers.get("x-lane")
        lane = entered or self.by_weight[number % len(self.by_weight)]
        self.asked.append(entered or "")
        steps = zip(("mocka", "mockb", "mockc"), PATHS[lane].split(), strict=True)
        path = tuple(Step(service, version, lane) for service, version in steps)
        took = random.Random(number).lognormvariate(2, 0.3) + 30 * (lane == self.slow)
        answer = Answer(200, lane, path, float(number), took, 0.0)
        return replace(answer, status=503, path=()) if number == self.wrong else answer


def tried(
    gateway: Clock,
    plan: Plan = PLAN,
    *,
    requests: int = 100,
    alone: bool = False,
    no_worse: bool = False,
    fail_fast: bool = False,
) -> Result:
    asking = Asking(requests, plan.enterable, 50, concurrency=1)
    trial = Trial(plan, asking, alone, None, no_worse, fail_fast)
    return trial.run(cast(Gateway, gateway), lambda answers, _: iter(answers))


def test_a_worse_lane_is_told_and_fails_where_it_must_not_be() -> None:
    sound, slow = tried(Clock()), tried(Clock("v2"))
    assert (sound.ok, sound.closing) == (True, "Lanes hold.")
    assert (slow.ok, slow.closing) == (True, "Lanes hold. v2 is worse than v1.")
    assert slow.verdict.ok
    assert tried(Clock(), no_worse=True).ok
    assert not tried(Clock("v2"), no_worse=True).ok
    assert slow.json()["ok"] is True
    assert tried(Clock("v2"), no_worse=True).json()["ok"] is False


def test_where_no_lane_is_compared_none_is_vouched_for() -> None:
    only = plan_of(*asm(weights={"v1": 1}))
    gateway = Clock(by_weight=("v1",))
    assert tried(gateway, only).ok
    result = tried(gateway, only, no_worse=True)
    assert not result.ok
    assert result.closing == (
        "Lanes hold. Lanes NOT compared: no answer came by the baseline and by another lane."
    )


def test_a_lane_alone_is_compared_with_what_is_asked_beside() -> None:
    result = tried(Clock("v3", by_weight=("v1",)), BESIDE, alone=True, requests=50)
    assert (result.verdict.requests, [lane.name for lane in result.verdict.lanes]) == (0, ["v3"])
    assert result.closing == "Lane v3 holds. v3 is worse than v1."


def test_requests_by_weight_and_by_ways_in_come_mixed() -> None:
    gateway = Clock(by_weight=("v1",))
    tried(gateway, BESIDE)
    assert Counter(gateway.asked) == {"": 100, "v3": 50}
    assert "v3" in gateway.asked[:100]  # 1 in 10^28 shuffles has none


def test_the_first_wrong_answer_ends_a_run_that_fails_fast() -> None:
    gateway = Clock(wrong=20)
    result = tried(gateway, fail_fast=True)
    assert not result.ok
    assert result.verdict.requests == 21
    assert len(gateway.asked) < 25
    assert tried(Clock(wrong=20)).verdict.requests == 100


def asked(asking: Asking, ask: Callable[[Way, float | None], Answer]) -> list[Answer]:
    class Asked:
        def ask(self, way: Way, due: float | None = None) -> Answer:
            return ask(way, due)

    return [answer for _, answer in asking.answers(cast(Client, Asked()))]


def test_requests_on_a_schedule_are_due_whatever_the_answers_do() -> None:
    dues: list[float] = []

    def ask(_: Way, due: float | None) -> Answer:
        assert due is not None
        dues.append(due)
        return Answer(200, "")

    answers = asked(Asking(7, (), 0, concurrency=1, rate=1000, duration=0.05), ask)
    assert len(answers) == 50
    first, *_ = dues = sorted(dues)
    assert dues == pytest.approx([first + number / 1000 for number in range(50)], abs=1e-6)


def test_a_duration_ends_a_run() -> None:
    times: Iterator[int] = iter(range(10**9))
    answers = asked(
        Asking(3, (), 0, concurrency=2, duration=0.05), lambda *_: Answer(200, str(next(times)))
    )
    assert len(answers) > 3


@pytest.mark.parametrize(
    ("asking", "total", "warm_up"),
    [
        (Asking(100, (), 0, 8), 100, 8),
        (Asking(20, (), 0, 8), 20, 2),
        (Asking(100, BESIDE.enterable, 20, 8), 120, 8),
        (Asking(100, (), 0, 8, duration=9), None, 8),
        (Asking(100, (), 0, 8, rate=0.5, duration=9), 5, 0),
        (Asking(100, (), 0, 8, rate=50), 100, 8),
    ],
)
def test_how_many_are_asked_and_how_many_warm_up(
    asking: Asking, total: int | None, warm_up: int
) -> None:
    assert (asking.total, asking.warm_up) == (total, warm_up)
