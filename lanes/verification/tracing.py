"""One request, hop by hop: where it went, how long that took, and why it went there."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat

from lanes.errors import LanesError
from lanes.evidence.answers import MOST_HOPS, Answer, Step
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification import split
from lanes.verification.classification import Classifier
from lanes.verification.gateway import Client
from lanes.verification.performance import baseline_of
from lanes.verification.targets import Target

# How long requests are sent until one is drawn into a lane.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class TracedHop:
    """A hop of the answer, and in words why it was this one, by the plan.

    `misrouted`: what is wrong, where it is not the planned hop; "" where it is.
    """

    step: Step
    why: str
    misrouted: str = ""

    @property
    def depth(self) -> int:
        return self.step.measured.depth if self.step.measured else 0


@dataclass(frozen=True)
class Trace:
    """One request's answer. `lane`: the one that it was in, as far as the answer tells.

    `entered`: why it was in that lane. `problem`: what is not as planned; "" where all is.
    """

    answer: Answer
    lane: str | None
    entered: str
    hops: tuple[TracedHop, ...]
    problem: str

    @property
    def elsewhere_ms(self) -> float | None:
        """The time outside of the first hop: the gateway's, and the network's."""
        measured = self.answer.path[0].measured if self.answer.path else None
        if measured is None or self.answer.took_ms is None:
            return None
        return max(0.0, self.answer.took_ms - measured.duration_ms)


def trace(client: Client, plan: Plan, name: str | None = None) -> Trace:
    """Send a request, or some until one enters the named lane: by its first rule, or by weight.

    Raises LanesError for a lane that is not planned, or that is not drawn.
    """
    if name is None:
        return traced(plan, client.send())
    lane = plan.lane(name)
    if lane.testable_rules:
        return traced(plan, client.send(rule=lane.testable_rules[0]), lane, lane.testable_rules[0])
    if not lane.weight:
        plan.lane_to_enter(name)  # says what is missing
    most = split.requests_to_see(plan.share(lane), len(plan.lanes))
    over = time.monotonic() + _PATIENCE_SECONDS
    for number in range(1, most + 1):
        answer = client.send()
        if answer.lane == name:
            return traced(plan, answer, asked=number)
        if time.monotonic() > over:
            break
    raise LanesError(f"lane {name}: none of {number:,} requests entered it")


def traced(
    plan: Plan,
    answer: Answer,
    lane: Lane | None = None,
    rule: EntryRule = NO_ENTRY_RULE,
    asked: int = 1,
) -> Trace:
    """Return the trace of an `answer`; its request entered `lane` by `rule`, or by weight."""
    classifier = Classifier(plan, answer.lane is not None)
    classified = (
        classifier.entered(Target(lane.name, rule), answer) if lane else classifier.drawn(answer)
    )
    group = classifier.groups.get(classified.name, ())
    own = lane or (group[0] if len(group) == 1 else None)
    return Trace(
        answer,
        answer.lane or (own.name if own else None),
        _entered(plan, own, rule, asked),
        tuple(_hops(plan, answer.path, own)),
        classified.problem if classified.conclusive else "no service answers there",
    )


def _entered(plan: Plan, lane: Lane | None, rule: EntryRule, asked: int) -> str:
    if rule != NO_ENTRY_RULE:
        return f"by {rule}"
    if lane is None:
        return "by weight"
    whole = sum(other.weight for other in plan.lanes)
    times = f", at the {_ordinal(asked)} request" if asked > 1 else ""
    return f"by weight, {lane.weight} of {whole}{times}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _hops(plan: Plan, path: Iterable[Step], lane: Lane | None) -> Iterator[TracedHop]:
    """Each step with the planned hop for its service; those of one service in the plan's order."""
    hops = lane.path if lane else ()
    planned = {last.service: _planned(hops[0], last) for last in hops}
    base = plan.lane(baseline_of(plan))
    stand_ins = {(hop.service, version) for hop in base.path for version in hop.versions}
    for step in path:
        meant = next(planned.get(step.service, iter(())), None)
        fell = (step.service, step.version) in stand_ins
        if lane is None:
            yield TracedHop(step, "")
        elif meant is not None and step.version in (meant.versions or ("",)):
            yield TracedHop(step, _why(meant, lane.name))
        else:
            yield TracedHop(step, "NOT planned", _misrouted(step, meant, fell))


def _planned(entry: Hop, last: Hop) -> Iterator[Hop]:
    """The hops of a service by the order of its steps; the last of them for any more."""
    calls = islice(entry.calls(), MOST_HOPS)
    return chain((hop for hop in calls if hop.service == last.service), repeat(last))


def _why(hop: Hop, lane: str) -> str:
    absent = f"no {hop.service} {lane}" if hop.reason in (Reason.FALLBACK, Reason.NONE) else ""
    note = str(hop.misrouted) if hop.misrouted else absent
    return f"{hop.reason}: {note}" if note else hop.reason


def _misrouted(step: Step, meant: Hop | None, fell: bool) -> str:
    """What is wrong with a step; `fell`: whether it is the baseline's."""
    if meant is None:
        return f"the plan has no {step.service} here"
    answered = f"{step.service} {step.version} answered" if step.version else "nothing answered"
    if not meant.versions:
        return f"{answered}, and the plan is {meant.status} by the mesh"
    up = f": is {meant.service} {meant.version} up?" if fell or not step.version else ""
    return f"{answered}, and the plan is {meant.version}{up}"
