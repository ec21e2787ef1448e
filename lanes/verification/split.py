"""Tests whether a split fits its weights: an exact binomial test for each lane.

Shares are parts of all requests, 0 to 1.
"""

import math
from collections.abc import Iterable

# How often a right split fails a run. The lanes share this rate (Bonferroni).
FALSE_ALARM = 0.001
# How often a difference is found that counts as detectable.
POWER = 0.9

# The fewest and the most requests by default.
FEWEST, MOST = 100, 10_000
# The requests by each lane's first entry rule, by default.
LANE_REQUESTS = 20


def interval(count: int, total: int, lanes: int) -> tuple[float, float]:
    """Return the confidence interval of a share from `count` of `total`: Clopper and Pearson's.

    The intervals of all `lanes` lanes together miss a true share in one run of 1,000.
    """
    tail = _tail(lanes)
    return _lowest(count, total, tail), 1 - _lowest(total - count, total, tail)


def requests_to_see(share: float, lanes: int) -> int:
    """Return the fewest requests that show a lane of this `share`.

    All n requests miss the lane with the probability (1 - share) ** n. Once that is below the
    interval's tail, a lane without a request is wrong: n = ln(2 * lanes / FALSE_ALARM) /
    -ln(1 - share), rounded up.
    """
    if share >= 1:
        return 1
    return math.ceil(math.log(_tail(lanes)) / math.log1p(-share))


def default_requests(shares: Iterable[float]) -> int:
    """Return the default number of requests: as many as show each lane; 0 if no lane has a share.

    From 100 to 10,000, which show a lane that gets one request in 1,100.
    """
    shares = list(shares)
    wanted = [requests_to_see(share, len(shares)) for share in shares if share]
    return min(max(*wanted, FEWEST), MOST) if wanted else 0


def detectable_difference(total: int, shares: Iterable[float]) -> float:
    """Return the least difference, in hundredths, between share and weight that `total` requests
    detect in 9 of 10 runs; 1 for none.

    It is that of the lane that varies most.
    """
    shares = list(shares)
    steps = (step / 100 for step in range(1, 100))
    return next((step for step in steps if _detects(total, shares, step)), 1.0)


def requests_to_detect(difference: float, shares: Iterable[float]) -> int:
    """Return how many requests detect a `difference`, rounded up to two digits."""
    shares = list(shares)
    low, high = 0, 1
    while not _detects(high, shares, difference):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _detects(middle, shares, difference) else (middle, high)
    digit = int(10 ** max(0, len(str(high)) - 2))
    return -(-high // digit) * digit


def power(total: int, share: float, true: float, lanes: int) -> float:
    """Return how often `total` requests reject `share`, if a lane's share is `true`."""
    tail = _tail(lanes)
    too_many = _too_many(total, share, tail)
    too_few = total - _too_many(total, 1 - share, tail)
    return or_more(too_many, total, true) + or_more(total - too_few, total, 1 - true)


def _detects(total: int, shares: list[float], difference: float) -> bool:
    share = max(shares)  # the nearest to a half, which varies most
    others = [t for t in (share - difference, share + difference) if 0 <= t <= 1]
    return bool(others) and all(power(total, share, t, len(shares)) >= POWER for t in others)


def _tail(lanes: int) -> float:
    return FALSE_ALARM / lanes / 2


def _too_many(total: int, share: float, tail: float) -> int:
    """Return the lowest count of `total` that is too many for `share`; it may be total + 1."""
    low, high = math.floor(total * share), total + 1
    while high - low > 1:
        middle = (low + high) // 2
        if or_more(middle, total, share) < tail:
            high = middle
        else:
            low = middle
    return high


def or_more(count: int, total: int, share: float) -> float:
    """Return the probability of `count` or more of `total`."""
    if count <= 0 or count > total:
        return float(count <= 0)
    if share in (0, 1):
        return share
    if share * total < count:
        return _at_least(count, total, share)
    return 1 - or_more(total - count + 1, total, 1 - share)


def _lowest(count: int, total: int, tail: float) -> float:
    """Return the share at which `count` or more of `total` has the probability `tail`."""
    if count == 0:
        return 0.0
    low, high = 0.0, count / total
    for _ in range(50):
        middle = (low + high) / 2
        if _at_least(count, total, middle) < tail:
            low = middle
        else:
            high = middle
    return high


def _at_least(count: int, total: int, share: float) -> float:
    """Return the probability of `count` or more of `total`, for a `share` below count / total."""
    log = (
        math.lgamma(total + 1)
        - math.lgamma(count + 1)
        - math.lgamma(total - count + 1)
        + count * math.log(share)
        + (total - count) * math.log1p(-share)
    )
    term = result = math.exp(log)
    odds = share / (1 - share)
    for i in range(count, total):
        term *= (total - i) / (i + 1) * odds
        result += term
        if term < result * 1e-15:
            break
    return result
