"""The blocks of a run's time."""

import random
from itertools import groupby

import pytest

from lanes.verification.blocks import cut


def rounds(count: int, at_a_time: int, ms: float) -> list[tuple[float, float]]:
    return [(number * ms / 1000, ms) for number in range(count) for _ in range(at_a_time)]


@pytest.mark.parametrize(
    ("requests", "sizes"),
    [
        (rounds(10, 8, 10), [8] * 10),
        (rounds(7, 1, 10), [1] * 7),
        (rounds(40, 1, 10), [2] * 20),
        (rounds(1, 60, 10), [60]),
        (rounds(60, 1, 0), [3] * 20),
        # One in ten may take longer than a block; the rest may not.
        ([(n / 100, 200.0 if n % 10 == 0 else 20.0) for n in range(100)], [5] * 20),
        ([(n / 100, 200.0 if n % 5 == 0 else 20.0) for n in range(100)], [20] * 5),
        # Nearly two blocks are one.
        ([(0, 10_000.0)] * 9 + [(0, 19_995.0)], [10]),
        ([], []),
    ],
)
def test_a_block_lasts_as_long_as_most_requests_take(
    requests: list[tuple[float, float]], sizes: list[int]
) -> None:
    blocks = cut(requests)
    assert [len(list(same)) for _, same in groupby(blocks)] == sizes
    assert blocks == sorted(blocks)


def test_blocks_are_of_when_requests_began_in_whatever_order_they_are() -> None:
    requests = [(began + number / 1e6, ms) for number, (began, ms) in enumerate(rounds(10, 8, 10))]
    assert cut([(1_000 + began, ms) for began, ms in requests]) == cut(requests)
    mixed = random.Random(1).sample(requests, len(requests))
    assert dict(zip(mixed, cut(mixed), strict=True)) == dict(
        zip(requests, cut(requests), strict=True)
    )
