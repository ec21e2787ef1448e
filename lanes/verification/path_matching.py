"""Reads the steps of an answer as a lane's hops."""

from collections.abc import Callable, Sequence, Set

from lanes.evidence.steps import Step
from lanes.planning.hop import Hop, Reason

Rounds = Set[tuple[str, str]]
Answers = Callable[[Hop, Step], bool]
Ends = set[tuple[int, int | None]]


# Stands for the status of calls of which the plan knows nothing.
ANY_STATUS = 0


def by_version(hop: Hop, step: Step) -> bool:
    """Whether one of the planned versions answers."""
    return hop.holds(step.service, step.version)


def read(hop: Hop, rounds: Rounds, path: Sequence[Step], at: int, by: Answers = by_version) -> Ends:
    """How `path` from place `at` may be read as `hop` and all behind it: as planned, or failed
    where a share of the calls fails. `rounds`: the calls that may be there or not. `by`: whether a
    step is what answers at a hop.

    Each with the place after it, and the status of the first call that ended on the way, if any.
    A hop that is not supported may be any steps, or none, and may end in `ANY_STATUS`.
    """
    if hop.reason == Reason.UNSUPPORTED:
        return {(after, end) for after in range(at, len(path) + 1) for end in (None, ANY_STATUS)}
    if at == len(path) or path[at].service not in hop.names:
        return set()
    ends: Ends = set()
    if by(hop, path[at]):
        ends = {(at + 1, hop.status if hop.reason == Reason.NONE else None)}
        for upstream in hop.upstreams:
            without = ends if (hop.service, upstream.service) in rounds else set()
            ends = without | {
                (after, later if ended is None else ended)
                for place, ended in ends
                for after, later in read(upstream, rounds, path, place, by)
            }
    if not path[at].version:
        ends |= {(at + 1, one.status) for one in hop.failing}
    return ends
