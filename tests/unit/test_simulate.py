"""The simulation behind docs/verify.md: how often verification calls a lane worse."""

import random

import pytest

from scripts.simulate import Scenario, later

RUNS = 200


def called_worse(scenario: Scenario) -> int:
    luck = random.Random(1)
    return sum(scenario.worse(luck) for _ in range(RUNS))


@pytest.mark.parametrize(("requests", "busy"), [(60, 0.1), (100, 0.03), (300, 0.03)])
def test_lanes_whose_pods_wait_by_turns_are_not_worse(requests: int, busy: float) -> None:
    assert called_worse(Scenario("", requests, busy=busy)) <= RUNS // 100


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("", 60, slowed=later),
        Scenario("", 300, slowed=lambda ms: 2 * ms),
        Scenario("", 600, slowed=later, busy=0.03),
    ],
)
def test_a_slower_lane_is_worse(scenario: Scenario) -> None:
    assert called_worse(scenario) >= 0.9 * RUNS
