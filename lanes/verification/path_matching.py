"""Reads the steps of an answer as a lane's hops."""

from collections.abc import Callable, Sequence, Set

from lanes.evidence.steps import Step
from lanes.planning.hop import Hop, Reason

OptionalCalls = Set[tuple[str, str]]
Answers = Callable[[Hop, Step], bool]
Ends = set[tuple[int, int | None]]


# The status of calls that the plan does not know.
ANY_STATUS = 0


def by_version(hop: Hop, step: Step) -> bool:
    """Tell whether the step is one of the planned versions."""
    return hop.allows(step.service, step.version)


def read(
    hop: Hop, optional: OptionalCalls, path: Sequence[Step], at: int, answers: Answers = by_version
) -> Ends:
    """Return the ends of all readings of `path`, from index `at`, as `hop` and the hops behind it.

    An end: the index after the last step, and the status of the first call that failed as planned;
    None: no call failed. `optional`: calls that pods may leave out, as caller and callee. `answers`
    tells whether a step may be the hop's. A hop that is not supported may be any number of steps,
    and may end in `ANY_STATUS`.
    """
    if hop.reason == Reason.UNSUPPORTED:
        return {(after, end) for after in range(at, len(path) + 1) for end in (None, ANY_STATUS)}
    if at == len(path) or path[at].service not in hop.names:
        return set()
    ends: Ends = set()
    if answers(hop, path[at]):
        ends = {(at + 1, hop.status if hop.reason == Reason.NONE else None)}
        for upstream in hop.upstreams:
            left_out = ends if (hop.service, upstream.service) in optional else set()
            ends = left_out | {
                (after, later if status is None else status)
                for place, status in ends
                for after, later in read(upstream, optional, path, place, answers)
            }
    if not path[at].version:
        ends |= {(at + 1, abort.status) for abort in hop.failing}
    return ends
