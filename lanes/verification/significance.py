"""Is one sample worse than another? Small tests that assume no shape of the figures.

Each gives a p-value, one-sided: how often chance alone, drawing the two samples from one and the
same source, brings as much against the first of them, or more.

Sources: Fisher's exact test (R. A. Fisher, 1935); the rank test of Mann and Whitney (1947), by its
normal approximation with the correction for ties; the exceedance test, an exact one for a tail
(L. S. Nelson, Technometrics 5, 1963); Student's t test (1908), which holds for groups of unlike
spread too (Ibragimov and Müller, Journal of Business & Economic Statistics 28, 2010); several
tests at once by Holm (1979).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean, stdev

from lanes.verification.split import POWER, or_more


def more_often(count: int, total: int, other: int, others: int) -> float:
    """That `count` of `total` is as many beside `other` of `others`: Fisher's exact test."""
    hits, everybody = count + other, total + others
    most = min(hits, total)
    whole = _log_choose(everybody, hits)
    chances = (
        math.exp(_log_choose(total, k) + _log_choose(others, hits - k) - whole)
        for k in range(max(count, hits - others), most + 1)
    )
    return min(1.0, math.fsum(chances))


def larger(values: Sequence[float], others: Sequence[float]) -> float:
    """That `values` lie as high beside `others`: the rank test. Of fewer than 3 of either, 1."""
    n, m = len(values), len(others)
    if min(n, m) < 3:
        return 1.0
    pool = sorted([(value, True) for value in values] + [(value, False) for value in others])
    ranks, ties, below = 0.0, 0, 0
    for _, group in groupby(pool, key=lambda pair: pair[0]):
        own = [ours for _, ours in group]
        ranks += sum(own) * (below + (len(own) + 1) / 2)
        ties += len(own) ** 3 - len(own)
        below += len(own)
    wins = ranks - n * (n + 1) / 2
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if not variance:
        return 1.0
    return math.erfc((wins - n * m / 2 - 0.5) / math.sqrt(2 * variance)) / 2


def longer_tail(values: Sequence[float], others: Sequence[float], part: float = 0.99) -> float:
    """That as many of `values` exceed the quantile `part` of `others`: the exceedance test.

    That k or more do is that of the k highest of both, and those of the others that are above the
    quantile, k or more are `values`.
    """
    if not values or not others:
        return 1.0
    limit = quantile(sorted(others), part)
    above = len(others) - _place(others, part) - 1
    return more_often(sum(value > limit for value in values), len(values), above, len(others))


def above_zero(differences: Sequence[float]) -> float:
    """That `differences` lie as high above 0: Student's t test. Of fewer than 2, 1."""
    if len(differences) < 2:
        return 1.0
    mean, spread = fmean(differences), stdev(differences)
    if not spread:
        return float(mean <= 0)
    return _student(mean / spread * math.sqrt(len(differences)), len(differences) - 1)


def quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest of `ordered` that `part` (0 to 1) of them do not exceed (nearest rank)."""
    return ordered[_place(ordered, part)]


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values of several tests, raised so that all together err no more often than one."""
    adjusted = [0.0] * len(chances)
    highest = 0.0
    for place, number in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[number]))
        adjusted[number] = highest
    return adjusted


def detectable_share(total: int, others: int, limit: float) -> float:
    """How often (0 to 1) one of `total` has to hit, where none of `others` does, for `more_often`
    to fall to `limit` in nine runs of ten. 1 where nothing does it.
    """
    counts = range(total + 1)
    fewest = bisect_left(counts, -limit, key=lambda n: -more_often(n, total, 0, others))
    if fewest > total:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if or_more(fewest, total, middle) >= POWER else (middle, high)
    return high


def _student(t: float, freedom: int) -> float:
    """How often Student's t with so many degrees of freedom is larger.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    series = 0.0
    for number in range(1 + odd, freedom, 2):
        series += term
        term *= math.cos(angle) ** 2 * number / (number + 1)
    within = math.sin(angle) * series
    return max(0.0, 1 - (2 / math.pi * (angle + within) if odd else within)) / 2


def _place(ordered: Sequence[float], part: float) -> int:
    return max(0, math.ceil(round(part * len(ordered), 9)) - 1)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
