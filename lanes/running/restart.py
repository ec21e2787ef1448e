"""How long to wait before a pod that ended starts again."""

_FIRST, _LONGEST = 1.0, 30.0
# Twice the longest pause, as a kubelet does: 10 minutes, where its longest is 5.
_WELL = 60.0


def pause(last: float | None, ran: float) -> float:
    """Seconds to wait when a pod has ended after `ran` seconds, and the pause before those was
    `last`: twice as long each time, and short again for one that had been well.
    """
    if last is None or ran >= _WELL:
        return _FIRST
    return min(2 * last, _LONGEST)
