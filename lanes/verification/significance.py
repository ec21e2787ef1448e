"""Statistical tests of whether one sample is worse than another, for any distribution.

Each returns a one-sided p-value: the probability that two samples of one distribution differ as
much as these, or more, with the first one worse.

Sources: Fisher's exact test (R. A. Fisher, 1935); the rank test of Mann and Whitney (1947), by its
normal approximation with the correction for ties; the exceedance test, an exact one for a tail
(L. S. Nelson, Technometrics 5, 1963); Student's t test (1908), which holds for groups of unlike
spread too (Ibragimov and Müller, Journal of Business & Economic Statistics 28, 2010); the
correction for several tests by Holm (1979).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean, stdev

from lanes.verification.split import POWER, or_more


def more_often(count: int, total: int, other: int, others: int) -> float:
    """Test whether `count` of `total` is more than `other` of `others`: Fisher's exact test."""
    hits = count + other
    ways = _log_choose(total + others, hits)
    chances = (
        math.exp(_log_choose(total, k) + _log_choose(others, hits - k) - ways)
        for k in range(max(count, hits - others), min(hits, total) + 1)
    )
    return min(1.0, math.fsum(chances))


def larger(values: Sequence[float], others: Sequence[float]) -> float:
    """Test whether `values` are larger than `others`: the rank test. 1 for fewer than 3 of any."""
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
    """Test whether more of `values` exceed the quantile `part` of `others`: the exceedance test."""
    if not values or not others:
        return 1.0
    # Fisher's test of how many of each sample are above the quantile.
    limit = quantile(sorted(others), part)
    above = len(others) - _place(others, part) - 1
    return more_often(sum(value > limit for value in values), len(values), above, len(others))


def above_zero(differences: Sequence[float]) -> float:
    """Test whether `differences` are above 0: Student's t test. 1 for fewer than 2."""
    if len(differences) < 2:
        return 1.0
    mean, spread = fmean(differences), stdev(differences)
    if not spread:
        return float(mean <= 0)
    return _student(mean / spread * math.sqrt(len(differences)), len(differences) - 1)


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the quantile `part` (0 to 1) of `ordered`, by the nearest rank."""
    return ordered[_place(ordered, part)]


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values corrected so that several tests give no more false alarms than one."""
    adjusted = [0.0] * len(chances)
    highest = 0.0
    for place, number in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[number]))
        adjusted[number] = highest
    return adjusted


def detectable_share(total: int, others: int, limit: float) -> float:
    """Return the least share of hits that `more_often` detects in nine runs of ten; 1 for none.

    `limit` is the largest p-value that counts. The other sample, of `others`, has no hit.
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
    """Return the probability of a larger Student's t with so many degrees of `freedom`.

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
