"""The pause before a pod that ended starts again."""

_SHORTEST, _LONGEST = 1.0, 30.0
# Twice the longest pause, as in a kubelet, which resets a pause of 5 minutes after 10.
_RESET_AFTER = 60.0


def pause(last: float | None, ran: float) -> float:
    """Return the seconds to wait before a pod that ran for `ran` seconds starts again.

    The pause is twice the `last` one, which is None at first. It is short again after a long run.
    """
    if last is None or ran >= _RESET_AFTER:
        return _SHORTEST
    return min(2 * last, _LONGEST)
