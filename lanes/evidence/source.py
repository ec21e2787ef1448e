"""Sources of evidence: they add hops to answers that do not show all of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lanes.evidence.steps import Answer, Step


class Source(Protocol):
    """Knows the hops of requests that carry a `traceparent` of their own."""

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers in their order, with the hops that this source knows."""
        ...


@dataclass(frozen=True)
class Sources:
    """Several sources, one after the other."""

    sources: tuple[Source, ...]

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        for source in self.sources:
            answers = source.complete(answers)
        return list(answers)


def with_hops(answer: Answer, path: tuple[Step, ...]) -> Answer:
    """Return the answer with the hops of another source; unchanged if its own are all.

    A hop for which the two show different versions is contradicted.
    """
    if not path or answer.whole:
        return answer
    versions: dict[str, set[str]] = {}
    for step in answer.seen:
        if step.version:
            versions.setdefault(step.service, set()).add(step.version)
    merged = []
    for step in path:
        own = next((x for x in answer.seen if _same_hop(x, step)), None)
        if step.version and step.version not in versions.get(step.service, {step.version}):
            merged.append(replace(step, contradicted=True))
        else:
            merged.append(_merged(own, step) if own else step)
    services = {step.service for step in path}
    others = (step for step in answer.seen if step.service not in services)
    return replace(answer, path=(*merged, *others), partial=True, unreadable="")


def _same_hop(own: Step, other: Step) -> bool:
    """Tell whether the step of an answer and that of a source may be one hop."""
    return own.service == other.service and (own.version == other.version or other.silent)


def _merged(own: Step, other: Step) -> Step:
    """Return the answer's step with all that the source's adds: its lane and place come first."""
    lane_from = other if other.lane_known else own
    return replace(
        own,
        lane=lane_from.lane,
        lane_known=lane_from.lane_known,
        measured=other.measured or own.measured,
        caller=other.caller if other.caller is not None else own.caller,
        routed=other.routed or own.routed,
    )
