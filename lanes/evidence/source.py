"""What tells of the hops of requests, beside their answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lanes.evidence.steps import Answer, Step


class Source(Protocol):
    """Tells of the hops of requests that carry a `traceparent` of their own."""

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers in their order, with the hops that this source saw."""
        ...


@dataclass(frozen=True)
class Sources:
    """Several sources; where they tell different versions of a hop, it is contradicted."""

    sources: tuple[Source, ...]

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        for source in self.sources:
            answers = source.complete(answers)
        return list(answers)


def with_hops(answer: Answer, path: tuple[Step, ...]) -> Answer:
    """The answer with the hops of another source, where its own are not all.

    A hop of which the two tell different versions is contradicted.
    """
    if not path or answer.whole:
        return answer
    told: dict[str, set[str]] = {}
    for step in answer.seen:
        if step.version:
            told.setdefault(step.service, set()).add(step.version)
    checked = []
    for step in path:
        versions = told.get(step.service, {step.version})
        own = next((x for x in answer.seen if _same_hop(x, step)), None)
        if step.version and step.version not in versions:
            checked.append(replace(step, contradicted=True))
        else:
            checked.append(_with(own, step) if own else step)
    more = {step.service for step in path}
    others = (step for step in answer.seen if step.service not in more)
    return replace(answer, path=(*checked, *others), partial=True, unreadable="")


def _same_hop(one: Step, other: Step) -> bool:
    """Whether two sources may mean one hop; a version that one does not tell fits any."""
    return one.service == other.service and (one.version == other.version or other.silent)


def _with(own: Step, other: Step) -> Step:
    """What the answer tells of a hop, with what another source adds; its place is the other's."""
    told = other if other.lane_known else own
    return replace(
        own,
        lane=told.lane,
        lane_known=told.lane_known,
        measured=other.measured or own.measured,
        caller=other.caller if other.caller is not None else own.caller,
        routed=other.routed or own.routed,
    )
