"""The simulation behind the figures of docs/verify.md, in small."""

import random

import pytest

from scripts.simulate import BAD, SOUND, Scenario


@pytest.mark.parametrize("scenario", [s for s in BAD if s.name.startswith("30 ms later")])
def test_a_bad_canary_is_called_worse(scenario: Scenario) -> None:
    luck = random.Random(1)
    assert all(scenario.worse(luck) for _ in range(10))


def test_a_sound_canary_is_not() -> None:
    luck = random.Random(1)
    assert not any(scenario.worse(luck) for scenario in SOUND for _ in range(5))
