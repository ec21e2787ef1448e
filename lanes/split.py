"""Does a split fit its weights? An exact binomial test for each lane."""

import math

# How often a sound split fails a whole run. Shared out among the lanes (Bonferroni).
FALSE_ALARM = 0.001


def interval(count: int, total: int, lanes: int) -> tuple[float, float]:
    """The shares (0 to 1) that `count` of `total` does not speak against.

    Clopper and Pearson's interval, so wide that all `lanes` lanes together miss the true
    shares in one run of 1,000.
    """
    tail = FALSE_ALARM / lanes / 2
    return _lowest(count, total, tail), 1 - _lowest(total - count, total, tail)


def _lowest(count: int, total: int, tail: float) -> float:
    """The share at which `count` or more of `total` has the probability `tail`."""
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
    """The probability of `count` or more of `total`, for a `share` below count / total."""
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
