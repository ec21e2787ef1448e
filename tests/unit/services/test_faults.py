"""The distribution of injected faults."""

import random
from statistics import quantiles

import pytest

from services.faults import Fault


def test_delays_have_the_median_and_the_p99_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = random.Random(1)
    monkeypatch.setattr("random.lognormvariate", draws.lognormvariate)
    cuts = quantiles((Fault(delay=(20, 200)).seconds() * 1000 for _ in range(20_000)), n=100)
    assert cuts[49] == pytest.approx(20, rel=0.05)
    assert cuts[98] == pytest.approx(200, rel=0.15)
    assert Fault().seconds() == 0


def test_as_many_fail_as_the_rate_says(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(number / 100 for number in range(100))
    monkeypatch.setattr("random.random", lambda: next(draws))
    fault = Fault(rate=0.05)
    injected = [fault.inject(0) for _ in range(100)]
    assert injected == [(500, "injected: fault_rate is 0.05")] * 5 + [None] * 95


@pytest.mark.parametrize(
    ("delay", "left", "slept"), [(0, 5, 0), (1234, 5, 1.234), (1234, 1, 1), (1234, -1, 0)]
)
def test_an_answer_is_late_by_the_delay_while_its_caller_waits(
    delay: float, left: float, slept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps: list[float] = []
    monkeypatch.setattr("time.monotonic", lambda: 64.0)
    monkeypatch.setattr("time.sleep", sleeps.append)
    Fault(delay=(delay, delay)).inject(64 + left)
    assert sleeps == [slept]
