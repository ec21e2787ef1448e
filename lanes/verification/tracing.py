"""Traces one request, hop by hop: where it went, how long it took, and why it went there."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat

from lanes.errors import LanesError
from lanes.evidence.hop_verdicts import HopVerdict, LaneVerification
from lanes.evidence.source import Source
from lanes.evidence.steps import MOST_HOPS, Answer, Step
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification import split
from lanes.verification.baseline import baseline_of
from lanes.verification.classification import Classifier
from lanes.verification.gateway import Client
from lanes.verification.problems import Problem
from lanes.verification.targets import Target

# How long to send requests until a weight draws one into the lane.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class TracedHop:
    """A hop of the answer, and `why` it answered, by the plan, in words.

    `misrouted`: what is wrong; "" for the planned hop. A hop that is not `seen` has the planned
    service and version.
    """

    step: Step
    why: str
    misrouted: str = ""
    depth: int = 0
    seen: bool = True


@dataclass(frozen=True)
class Trace:
    """One request's answer and its hops. `lane`: the request's; None if unknown.

    `entered`: why the request was in that lane. `problem`: what is not as planned; None for
    nothing. `conclusive`: see ClassifiedAnswer.
    """

    answer: Answer
    lane: str | None
    entered: str
    hops: tuple[TracedHop, ...]
    problem: Problem | None
    conclusive: bool = True

    @property
    def ok(self) -> bool:
        return self.problem is None and self.conclusive

    @property
    def unseen(self) -> tuple[str, ...]:
        """The planned services of which no hop is seen."""
        return tuple(dict.fromkeys(hop.step.service for hop in self.hops if not hop.seen))

    @property
    def elsewhere_ms(self) -> float | None:
        """The time outside of the first hop: the gateway's and the network's; None if unknown."""
        measured = self.answer.path[0].measured if self.answer.path else None
        if measured is None or self.answer.took_ms is None:
            return None
        return max(0.0, self.answer.took_ms - measured.duration_ms)


def trace(
    client: Client, plan: Plan, name: str | None = None, evidence: Source | None = None
) -> Trace:
    """Send a request and return its trace. `name`: the lane to enter.

    The request enters the lane by its first entry rule. Without one, requests are sent until their
    weight draws one into the lane. Raises LanesError if the lane is not planned, or gets none.
    """

    def completed(answer: Answer) -> Answer:
        return evidence.complete([answer])[0] if evidence else answer

    if name is None:
        return traced(plan, completed(client.send()))
    lane = plan.lane(name)
    if lane.testable_rules:
        rule = lane.testable_rules[0]
        return traced(plan, completed(client.send(rule=rule)), lane, rule)
    if not lane.weight:
        plan.lane_to_enter(name)  # raises the error that says what is missing
    most = split.requests_to_see(plan.share(lane), len(plan.lanes))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for number in range(1, most + 1):
        answer = completed(client.send())
        if answer.lane == name:
            return traced(plan, answer, number=number)
        if time.monotonic() > deadline:
            break
    raise LanesError(f"lane {name}: none of {number:,} requests entered it")


def traced(
    plan: Plan,
    answer: Answer,
    lane: Lane | None = None,
    rule: EntryRule = NO_ENTRY_RULE,
    number: int = 1,
) -> Trace:
    """Return the trace of an `answer`, to a request that entered `lane` by `rule`.

    Without a lane, the weights drew the request, which was the `number`th.
    """
    classifier = Classifier(plan, answer.lane is not None)
    classified = (
        classifier.entered(Target(lane.name, rule), answer) if lane else classifier.drawn(answer)
    )
    group = classifier.groups.get(classified.name, ())
    own = lane or (group[0] if len(group) == 1 else None)
    return Trace(
        answer,
        answer.lane or (own.name if own else None),
        _entered(plan, own, rule, number),
        tuple(_compared(plan, answer, own) if answer.partial and own else _hops(plan, answer, own)),
        classified.problem,
        classified.conclusive,
    )


def _entered(plan: Plan, lane: Lane | None, rule: EntryRule, number: int) -> str:
    if rule != NO_ENTRY_RULE:
        return f"by {rule}"
    if lane is None:
        return "by weight"
    total = sum(other.weight for other in plan.lanes)
    after = f", at the {_ordinal(number)} request" if number > 1 else ""
    return f"by weight, {lane.weight} of {total}{after}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _compared(plan: Plan, answer: Answer, lane: Lane) -> Iterator[TracedHop]:
    """Yield each planned hop, with the step that is seen of it."""
    base = plan.lane(baseline_of(plan))
    depths = {"": -1}
    for verified in LaneVerification(lane, base, answer.lane).hops(answer.path):
        hop, step, planned = verified.hop, verified.step, _why(verified.hop, lane.name)
        depth = depths[hop.service] = depths.get(verified.caller, 0) + 1
        if step is None:
            unseen = Step(hop.service, hop.version, silent=True)
            yield TracedHop(unseen, f"not seen; planned: {planned}", depth=depth, seen=False)
        elif verified.verdict is HopVerdict.AS_PLANNED:
            yield TracedHop(step, planned, depth=depth)
        else:
            baselines = (other for other in base.path if other.service == hop.service)
            fell_back = any(step.version in other.versions for other in baselines)
            yield TracedHop(step, "NOT planned", _misrouted(step, hop, fell_back), depth)


def _hops(plan: Plan, answer: Answer, lane: Lane | None) -> Iterator[TracedHop]:
    """Yield each step, with the planned hop of its service: of several, the next in the plan."""
    hops = lane.path if lane else ()
    planned: dict[str, Iterator[Hop]] = {}
    for last in hops:
        planned |= dict.fromkeys(last.names, _planned(hops[0], last))
    base = plan.lane(baseline_of(plan))
    baselines = {answering for hop in base.path for answering in hop.answering}
    for step in answer.path:
        depth = step.measured.depth if step.measured else 0
        hop = next(planned.get(step.service, iter(())), None)
        fell_back = (step.service, step.version) in baselines
        if lane is None:
            yield TracedHop(step, "", depth=depth)
        elif hop is not None and hop.allows(step.service, step.version):
            yield TracedHop(step, _why(hop, lane.name), depth=depth)
        elif hop is None and any(hop.reason == Reason.UNSUPPORTED for hop in hops):
            yield TracedHop(step, "not known", depth=depth)
        else:
            yield TracedHop(step, "NOT planned", _misrouted(step, hop, fell_back), depth)


def _planned(entry: Hop, last: Hop) -> Iterator[Hop]:
    """Yield the planned hops of the service of `last` in their order, and then `last` forever."""
    calls = islice(entry.calls(), MOST_HOPS)
    return chain((hop for hop in calls if hop.service == last.service), repeat(last))


def _why(hop: Hop, lane: str) -> str:
    absent = f"no {hop.service} {lane}" if hop.reason in (Reason.FALLBACK, Reason.NONE) else ""
    note = str(hop.misrouted) if hop.misrouted else hop.unsupported or absent
    return f"{hop.reason}: {note}" if note else hop.reason


def _misrouted(step: Step, hop: Hop | None, fell_back: bool) -> str:
    """Return what is wrong with a step; `fell_back`: the baseline's version answered."""
    if hop is None:
        return f"the plan has no {step.service} here"
    answered = f"{step.service} {step.version} answered" if step.version else "nothing answered"
    if not hop.versions:
        return f"{answered}, and the plan is {hop.status} by the mesh"
    up = f": is {hop.service} {hop.version} up?" if fell_back or not step.version else ""
    return f"{answered}, and the plan is {hop.version}{up}"
