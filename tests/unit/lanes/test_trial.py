"""A trial from the questions to the result, against a gateway that takes no time."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from lanes.judging.answers import Answer
from lanes.judging.asking import Asking
from lanes.judging.traffic import Client
from lanes.planning.ways import Way
from lanes.report.result import conclusion, result_json
from tests.kube import asm
from tests.unit.lanes.clockwork import BESIDE, Clock, tried
from tests.unit.lanes.reading import plan_of


def test_a_worse_lane_is_told_and_fails_where_it_must_not_be() -> None:
    sound, slow = tried(Clock()), tried(Clock("v2"))
    assert (sound.ok, conclusion(sound)) == (True, "Lanes hold.")
    assert (slow.ok, conclusion(slow)) == (True, "Lanes hold. v2 is worse than v1.")
    assert slow.verdict.ok
    assert tried(Clock(), no_worse=True).ok
    assert not tried(Clock("v2"), no_worse=True).ok
    assert result_json(slow)["ok"] is True
    assert result_json(tried(Clock("v2"), no_worse=True))["ok"] is False


def test_where_no_lane_is_compared_none_is_vouched_for() -> None:
    only = plan_of(*asm(weights={"v1": 1}))
    gateway = Clock(by_weight=("v1",))
    assert tried(gateway, only).ok
    result = tried(gateway, only, no_worse=True)
    assert not result.ok
    assert conclusion(result) == (
        "Lanes hold. Lanes NOT compared: no answer came by the baseline and by another lane."
    )


def test_a_lane_alone_is_compared_with_what_is_asked_beside() -> None:
    result = tried(Clock("v3", by_weight=("v1",)), BESIDE, alone=True, requests=50)
    assert (result.verdict.requests, [lane.name for lane in result.verdict.lanes]) == (0, ["v3"])
    assert conclusion(result) == "Lane v3 holds. v3 is worse than v1."


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
