"""Statistical tests, compared with counts by their definitions and with tables."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanes.verification.significance import (
    above_zero,
    detectable_share,
    holm,
    larger,
    longer_tail,
    more_often,
    quantile,
)


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_more_often_is_counted_out(total: int, others: int, data: st.DataObject) -> None:
    count, other = data.draw(st.integers(0, total)), data.draw(st.integers(0, others))
    hits = range(count + other)
    drawn = list(combinations(range(total + others), total))
    as_many = sum(sum(place in hits for place in chosen) >= count for chosen in drawn)
    assert more_often(count, total, other, others) == pytest.approx(as_many / len(drawn))


@pytest.mark.parametrize(
    ("values", "others", "chance"),
    [
        # scipy.stats.mannwhitneyu(values, others, alternative="greater", method="asymptotic")
        ([5, 6, 7, 8, 9, 10], [1, 2, 3, 4, 5, 6], 0.0063744),
        ([1, 2, 3, 4, 5, 6], [5, 6, 7, 8, 9, 10], 0.9959921),
        ([3, 3, 4, 9, 12, 12, 12], [1, 2, 3, 3, 4, 5, 5, 8], 0.0501048),
        ([4, 5, 6], [1, 2, 3], 0.0404278),
        ([3, 3, 3], [3, 3, 3], 1),
        ([9, 9], [1, 1, 1, 1, 1, 1, 1, 1], 1),
        ([], [1], 1),
    ],
)
def test_the_rank_test(values: list[float], others: list[float], chance: float) -> None:
    assert larger(values, others) == pytest.approx(chance, abs=1e-7)


def test_the_exceedance_test() -> None:
    alike = [float(n) for n in range(1000)]
    assert longer_tail(alike, alike) > 0.3
    assert longer_tail([*alike[:960], *[5000.0] * 40], alike) < 1e-4
    assert longer_tail(alike, [*alike[:960], *[5000.0] * 40]) > 0.99
    assert longer_tail([], alike) == longer_tail(alike, []) == 1


@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_a_tail_exceeds_the_others_quantile(part: float) -> None:
    values, others = [1.5, 8.5, 9.5, 9.5], [float(n) for n in range(10)]
    limit = quantile(others, part)
    longer, above = (sum(one > limit for one in each) for each in (values, others))
    chance = more_often(longer, len(values), above, len(others))
    assert longer_tail(values, others, part) == pytest.approx(chance)


def shifted(t: float, count: int) -> list[float]:
    """Return figures with this Student's t."""
    plain = [float(number) for number in range(count)]
    mean = sum(plain) / count
    error = math.sqrt(sum((x - mean) ** 2 for x in plain) / (count - 1) / count)
    return [x - mean + t * error for x in plain]


@pytest.mark.parametrize("t", [-2.0, 0.0, 0.5, 3.0, 40.0])
def test_students_test_by_its_closed_forms(t: float) -> None:
    """With 1, 2 and 3 degrees of freedom."""
    three = t / math.sqrt(3) / (1 + t * t / 3) + math.atan(t / math.sqrt(3))
    chances = [0.5 - math.atan(t) / math.pi, 0.5 - t / 2 / math.hypot(t, math.sqrt(2))]
    for count, chance in enumerate([*chances, 0.5 - three / math.pi], start=2):
        assert above_zero(shifted(t, count)) == pytest.approx(chance, abs=1e-12)


@pytest.mark.parametrize(
    ("t", "count", "chance"),
    # The table of critical values in the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2
    [
        (2.132, 5, 0.05),
        (3.365, 6, 0.01),
        (4.144, 11, 0.001),
        (3.579, 20, 0.001),
        (3.552, 21, 0.001),
    ],
)
def test_students_test_by_its_table(t: float, count: int, chance: float) -> None:
    assert above_zero(shifted(t, count)) == pytest.approx(chance, rel=2e-3)


@pytest.mark.parametrize(
    ("differences", "chance"), [([], 1), ([9], 1), ([2, 2, 2], 0), ([0, 0], 1), ([-2, -2], 1)]
)
def test_students_test_of_few_and_of_equals(differences: list[float], chance: float) -> None:
    assert above_zero(differences) == chance


@pytest.mark.parametrize(("part", "value"), [(0.5, 50), (0.9, 90), (0.99, 99), (1, 100), (0, 1)])
def test_a_quantile_by_the_nearest_rank(part: float, value: float) -> None:
    assert quantile(range(1, 101), part) == value
    assert quantile([7], part) == 7


def test_several_tests_at_once() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


@pytest.mark.parametrize(("total", "others"), [(30, 40), (300, 400), (50, 950), (3, 17)])
def test_the_share_of_failures_that_is_detected(total: int, others: int) -> None:
    share = detectable_share(total, others, 0.001)
    fewest = next(n for n in range(total + 1) if more_often(n, total, 0, others) <= 0.001)
    at_least = sum(
        math.comb(total, n) * share**n * (1 - share) ** (total - n)
        for n in range(fewest, total + 1)
    )
    assert at_least == pytest.approx(0.9, abs=1e-3)
    assert detectable_share(2, 2, 0.001) == 1
