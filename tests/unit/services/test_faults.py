"""What faults are drawn, by their figures."""

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


def test_as_many_fail_as_the_rate_says(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(number / 100 for number in range(100))
    monkeypatch.setattr("random.random", lambda: next(draws))
    fault = Fault(rate=0.05)
    struck = [fault.strike(0) for _ in range(100)]
    assert struck == [(500, "injected: fault_rate is 0.05")] * 5 + [None] * 95
