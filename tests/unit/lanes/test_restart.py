"""The pause before a pod that ended starts again."""

import pytest

from lanes.running.restart import pause


@pytest.mark.parametrize(
    ("ran", "pauses"),
    [
        ([0], [1]),
        ([3600], [1]),
        ([0] * 7, [1, 2, 4, 8, 16, 30, 30]),
        ([0, 0, 0, 59, 0], [1, 2, 4, 8, 16]),
        ([0, 0, 0, 60, 0], [1, 2, 4, 1, 2]),
    ],
    ids=["first", "first, after long", "never well", "nearly well", "well meanwhile"],
)
def test_pauses_grow_until_the_pod_runs_for_long(ran: list[float], pauses: list[float]) -> None:
    last = None
    seen = [last := pause(last, seconds) for seconds in ran]
    assert seen == pauses
