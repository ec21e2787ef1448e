"""The split's interval, against exact sums of binomial probabilities."""

from fractions import Fraction
from math import comb, isclose

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lanes.verification.split import (
    FALSE_ALARM,
    POWER,
    default_requests,
    detectable_difference,
    interval,
    or_more,
    power,
    requests_to_detect,
    requests_to_see,
)

LANES = st.integers(1, 6)


def chance(total: int, count: int, share: float | Fraction) -> Fraction:
    """Return the exact probability of `count` of `total`."""
    p = Fraction(share)
    return comb(total, count) * p**count * (1 - p) ** (total - count)


@st.composite
def observations(draw: st.DrawFn, most: int = 40) -> tuple[int, int]:
    total = draw(st.integers(1, most))
    return draw(st.integers(0, total)), total


@given(observations(), LANES)
def test_each_end_leaves_out_exactly_its_tail(seen: tuple[int, int], lanes: int) -> None:
    count, total = seen
    low, high = interval(count, total, lanes)
    tail = FALSE_ALARM / lanes / 2
    if count:
        above = sum(chance(total, n, low) for n in range(count, total + 1))
        assert float(above) == pytest.approx(tail, rel=1e-9)
    else:
        assert low == 0
    if count < total:
        below = sum(chance(total, n, high) for n in range(count + 1))
        assert float(below) == pytest.approx(tail, rel=1e-9)
    else:
        assert high == 1


@given(st.integers(1, 25), st.integers(0, 20), LANES)
def test_a_right_split_fails_no_more_often_than_stated(
    total: int, twentieths: int, lanes: int
) -> None:
    share = Fraction(twentieths, 20)
    failed = Fraction(0)
    for count in range(total + 1):
        low, high = interval(count, total, lanes)
        if not Fraction(low) <= share <= Fraction(high):
            failed += chance(total, count, share)
    assert failed <= Fraction(1, 1000) / lanes


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 0.0833184561634),
        (41, 0.2427946604098, 0.5931778946855),
        (100, 0.9166815438366, 1.0),
    ],
)
def test_figures_of_the_sample(count: int, low: float, high: float) -> None:
    """100 requests, three lanes. The figures come from a bisection in fractions."""
    assert interval(count, 100, 3) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("count", [0, 1, 400_000, 999_999, 1_000_000])
def test_a_million_requests_are_verified_too(count: int) -> None:
    low, high = interval(count, 1_000_000, 3)
    assert low <= count / 1_000_000 <= high
    assert high - low < 0.004


# How many requests


SHARES = st.integers(1, 99).map(lambda percent: percent / 100)


def speaks_against(count: int, total: int, share: float, lanes: int) -> bool:
    low, high = interval(count, total, lanes)
    return not low <= share <= high


@given(SHARES, LANES)
def test_the_fewest_requests_that_show_a_lane(share: float, lanes: int) -> None:
    fewest, tail = requests_to_see(share, lanes), FALSE_ALARM / lanes / 2
    assert float(chance(fewest, 0, share)) <= tail * (1 + 1e-9)
    assert fewest == 1 or float(chance(fewest - 1, 0, share)) >= tail * (1 - 1e-9)
    assert speaks_against(0, fewest + 1, share, lanes)


@pytest.mark.parametrize(
    ("weights", "requests"),
    [
        ((100,), 100),
        ((40, 30, 30), 100),
        ((90, 10), 100),
        ((95, 5), 162),
        ((99, 1), 826),
        ((99, 1, 0), 866),
        ((999, 1), 8290),
        ((9999, 1), 10_000),
        ((), 0),
    ],
)
def test_requests_follow_from_the_weights(weights: tuple[int, ...], requests: int) -> None:
    assert default_requests(weight / sum(weights) for weight in weights) == requests


@pytest.mark.parametrize("percent", [1, 2, 5, 20])
def test_a_right_canary_fails_no_more_than_one_run_in_1000(percent: int) -> None:
    """A run fails if no request is drawn into the lane, or if its share is rejected."""
    share = percent / 100
    total = default_requests([share, 1 - share])
    assert speaks_against(0, total, share, 2)
    # One lane's count is the rest of the other's, so what fails the one fails the other.
    assert power(total, share, share, 2) <= FALSE_ALARM


@settings(max_examples=40)
@given(st.integers(1, 40), SHARES, SHARES, LANES)
def test_how_often_a_share_is_rejected(total: int, share: float, true: float, lanes: int) -> None:
    limit, counts = FALSE_ALARM / lanes / 2, range(total + 1)
    tails = [
        float(sum(chance(total, k, s) for k in counts[n:]))
        for n in counts
        for s in (share, 1 - share)
    ]
    assume(not any(isclose(tail, limit, rel_tol=1e-9) for tail in tails))  # rounding decides a tie
    off = (n for n in counts if speaks_against(n, total, share, lanes))
    assert power(total, share, true, lanes) == pytest.approx(
        float(sum(chance(total, n, true) for n in off)), abs=1e-9
    )


@pytest.mark.parametrize("shares", [(0.4, 0.3, 0.3), (0.99, 0.01), (0.5, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("difference", [0.05, 0.1, 0.2])
def test_the_requests_that_detect_a_difference_in_any_lane(
    shares: tuple[float, ...], difference: float
) -> None:
    total = requests_to_detect(difference, shares)
    assert detectable_difference(total, shares) <= difference
    for share in shares:
        for true in (share - difference, share + difference):
            if 0 <= true <= 1:
                assert power(total, share, true, len(shares)) >= POWER
    assert detectable_difference(total * 8 // 10, shares) > difference or total < 100


@pytest.mark.parametrize(
    ("count", "share", "chance"),
    [(0, 0, 1), (0, 0.5, 1), (0, 1, 1), (1, 0, 0), (4, 1, 1), (5, 1, 0), (4, 0.5, 1 / 16)],
)
def test_the_chance_of_so_many_or_more_of_4(count: int, share: float, chance: float) -> None:
    assert or_more(count, 4, share) == pytest.approx(chance)


def test_the_differences_that_the_samples_requests_detect() -> None:
    shares = (0.4, 0.3, 0.3)
    assert [detectable_difference(n, shares) for n in (1, 100, 1000, 2400, 1_000_000)] == [
        1,
        0.25,
        0.08,
        0.05,
        0.01,
    ]
    assert requests_to_detect(0.05, shares) == 2400
