"""Blocks of a run's time, so that requests which were held up together do not count as many.

Requests that are under way at once share what holds them up: a pod that waits for a processor is
slow for all that it has, and those are all in lanes that pass it. On a busy machine some four of
them tell as much as one, and tests that take each for itself call lanes worse that are not. Blocks
are nearly independent, and so are the differences between lanes in each.
"""

from collections.abc import Sequence

from lanes.verification.significance import quantile

# A block lasts as long as this part of the requests take at most, and so do most delays.
_PART = 0.9
# More blocks find little more.
_MOST = 20


def cut(requests: Sequence[tuple[float, float]]) -> list[int]:
    """The number of each request's block, from 0, by when it began, in s, and its time, in ms.

    Blocks have as many requests each, in the order in which they began.
    """
    if not requests:
        return []
    order = sorted(range(len(requests)), key=lambda number: requests[number][0])
    seconds = max(began + ms / 1000 for began, ms in requests) - requests[order[0]][0]
    longest = quantile(sorted(ms for _, ms in requests), _PART) / 1000
    most = min(_MOST, len(requests))
    count = min(most, int(round(seconds / longest, 9))) if longest else most
    blocks = {number: place * count // len(requests) for place, number in enumerate(order)}
    return [blocks[number] for number in range(len(requests))]
