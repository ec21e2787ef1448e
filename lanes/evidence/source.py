"""What tells of the hops of requests, beside their answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from lanes.evidence.steps import Answer, Step


class Source(Protocol):
    """Tells of the hops of requests that carry a `traceparent` of their own."""

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers in their order, with the hops that this source saw."""
        ...


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
    checked = (
        replace(step, contradicted=True)
        if step.version and step.version not in told.get(step.service, {step.version})
        else step
        for step in path
    )
    more = {step.service for step in path}
    others = (step for step in answer.seen if step.service not in more)
    return replace(answer, path=(*checked, *others), partial=True, unreadable="")
