"""Cuts a run's time into blocks, so that requests which were delayed together count as one delay.

Requests that are under way at once share their delays: a pod that waits for a processor is slow for
all of them, in every lane that passes the pod. On a busy machine about four such requests carry as
much information as one. Tests that take each request as independent then call lanes worse that are
not. Blocks are nearly independent, and so are the differences between lanes in each block.
"""

from collections.abc import Sequence

from lanes.verification.significance import quantile

# A block is as long as the time that this part of the requests take at most. So are most delays.
_PART = 0.9
# More blocks detect little more.
_MOST = 20


def cut(requests: Sequence[tuple[float, float]]) -> list[int]:
    """Return the number of each request's block, from 0. A request: its begin in s, its time in ms.

    Blocks follow each other in time, and have equally many requests.
    """
    if not requests:
        return []
    order = sorted(range(len(requests)), key=lambda number: requests[number][0])
    seconds = max(began + ms / 1000 for began, ms in requests) - requests[order[0]][0]
    block_seconds = quantile(sorted(ms for _, ms in requests), _PART) / 1000
    most = min(_MOST, len(requests))
    count = min(most, int(round(seconds / block_seconds, 9))) if block_seconds else most
    blocks = {number: place * count // len(requests) for place, number in enumerate(order)}
    return [blocks[number] for number in range(len(requests))]
