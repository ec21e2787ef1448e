"""Which lane an answer counts for, and what is wrong with it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from lanes.evidence.answers import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Reason
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Lane, Plan
from lanes.verification.hints import PodNamespaces
from lanes.verification.path_matching import read
from lanes.verification.targets import Target

Groups = dict[str, tuple[Lane, ...]]
"""Lanes by the name that a verdict has for them: lanes with the same answers are one."""


@dataclass(frozen=True)
class ClassifiedAnswer:
    """An answer, the name it counts under ("": none), what is wrong with it ("": nothing), and the
    entry rule of its request.

    Where the plan holds it for several lanes alike, such as a fault at the gateway, the name is
    theirs, "v1 or v2", and it counts for no one's share.
    `conclusive` is False where no service answers at the path or method of the entry rule. Such an
    answer does not show where the request went, and counts neither as planned nor as wrong.
    """

    name: str
    problem: str
    answer: Answer
    rule: EntryRule = NO_ENTRY_RULE
    conclusive: bool = True

    @property
    def failed(self) -> bool:
        """Whether it failed and should not have."""
        return bool(self.problem) and failed(self.answer)


@dataclass(frozen=True)
class Classified:
    """Answers by lane: the `drawn`, under one of `groups`, and those that `entered` a lane."""

    groups: Groups
    drawn: tuple[ClassifiedAnswer, ...]
    entered: tuple[ClassifiedAnswer, ...]


class Classifier:
    """Classifies the answers of a run by `plan`. `lanes_named`: whether answers name their lanes.

    `alone`: the lanes that the answers may count for; None: all of the plan's, together where no
    answer tells them apart.
    """

    def __init__(self, plan: Plan, lanes_named: bool, alone: Collection[str] | None = None) -> None:
        self._lanes = {lane.name: lane for lane in plan.lanes}
        self._namespaces = PodNamespaces(plan)
        self._lanes_named = lanes_named
        self.groups: Groups = (
            _groups(plan, lanes_named)
            if alone is None
            else {name: (lane,) for name, lane in self._lanes.items() if name in alone}
        )

    def drawn(self, answer: Answer) -> ClassifiedAnswer:
        """An answer to a request that the weights led."""
        return ClassifiedAnswer(
            *_classify(answer, self._namespaces, self.groups, self._lanes_named), answer
        )

    def entered(self, target: Target, answer: Answer) -> ClassifiedAnswer:
        """An answer to a request that entered a lane."""
        if _nothing_there(answer, target.rule) and not fits(answer, self._lanes[target.lane]):
            return ClassifiedAnswer(target.lane, "", answer, target.rule, conclusive=False)
        problem = _classify_entered(
            answer, self._namespaces, self._lanes[target.lane], self._lanes_named
        )
        return ClassifiedAnswer(
            target.lane, problem and f"by {target.rule}: {problem}", answer, target.rule
        )


def classify(
    plan: Plan, answers: Iterable[Answer], entered: Iterable[tuple[Target, Answer]]
) -> Classified:
    """Sort by `plan` the `answers` that were drawn, and each that entered a lane."""
    answers, entered = list(answers), list(entered)
    lanes_named = any(answer.lane is not None for answer in (*answers, *(a for _, a in entered)))
    alone = {target.lane for target, _ in entered} if entered and not answers else None
    classifier = Classifier(plan, lanes_named, alone)
    return Classified(
        classifier.groups,
        tuple(classifier.drawn(answer) for answer in answers),
        tuple(classifier.entered(target, answer) for target, answer in entered),
    )


def fits(answer: Answer, lane: Lane) -> bool:
    """Whether `answer` is what the plan holds for `lane`."""
    entry, path = lane.entry, answer.path
    if not path:  # what ends at the gateway has no step
        failing = {one.status for one in entry.failing}
        return answer.status in (
            failing | {entry.status} if entry.reason == Reason.NONE else failing
        )
    if entry.reason == Reason.NONE:
        return False
    ends = read(replace(entry, failing=()), lane.optional_cycles, path, 0)
    return any(
        after == len(path) and answer.status == (200 if ended is None else ended)
        for after, ended in ends
    )


def _groups(plan: Plan, lanes_named: bool) -> Groups:
    """Return the lanes by the name that a verdict has for them."""
    alike: dict[bytes | str, list[Lane]] = {}
    for lane in plan.lanes:
        ends_at_the_gateway = lane.entry.reason == Reason.NONE
        apart = lanes_named and not ends_at_the_gateway
        alike.setdefault(lane.name if apart else lane.entry.answer, []).append(lane)
    return {joint_name(lane.name for lane in lanes): tuple(lanes) for lanes in alike.values()}


def joint_name(names: Iterable[str]) -> str:
    """The one name of lanes that answers do not tell apart."""
    return " or ".join(names)


def _classify(
    answer: Answer, namespaces: PodNamespaces, groups: Groups, lanes_named: bool
) -> tuple[str, str]:
    """The lane that the answer counts for ("": none), and what is wrong with it ("": nothing)."""
    if foreign := _foreign(answer, namespaces):
        return answer.lane if answer.lane in groups else "", foreign
    if lanes_named and answer.path:
        name = answer.lane or (UNTAGGED if UNTAGGED in groups else "")
        if name not in groups:
            return "", f"lane {name} is not planned" if name else "no hop read a lane"
    else:
        fitting = [name for name, lanes in groups.items() if fits(answer, lanes[0])]
        weighted = [n for n in fitting if any(lane.weight for lane in groups[n])] or fitting
        if not weighted:
            return "", _stray(answer)
        if len(weighted) > 1:
            return joint_name(weighted), ""
        name = weighted[0]
    return name, _off(answer, name, groups[name][0], lanes_named)


def _classify_entered(
    answer: Answer, namespaces: PodNamespaces, lane: Lane, lanes_named: bool
) -> str:
    """What is wrong with an answer to a request that entered `lane` ("": nothing)."""
    if foreign := _foreign(answer, namespaces):
        return foreign
    if not answer.path:
        return "" if fits(answer, lane) else _stray(answer)
    if lanes_named and not lane.client_header and (answer.lane or UNTAGGED) != lane.name:
        return f"lane {answer.lane} answered" if answer.lane else "no hop read a lane"
    return _off(answer, lane.name, lane, lanes_named)


def _nothing_there(answer: Answer, rule: EntryRule) -> bool:
    """Return whether an entry rule has a path or a method that the service does not know.

    It says so in words; the 404 of a proxy without a rule has none.
    """
    own = bool(rule.path or rule.method)
    return own and answer.status in (404, 405) and bool(answer.text) and not answer.path


def _foreign(answer: Answer, namespaces: PodNamespaces) -> str:
    """Whose pods answered where they are not the plan's; "" where they may be."""
    for step in answer.path:
        if home := namespaces.expected_instead(step):
            return f"{step.service} in namespace {step.namespace} answered, not {home}'s"
    return ""


def _off(answer: Answer, name: str, lane: Lane, lanes_named: bool) -> str:
    """How the answer left its lane's path; "" where it did not."""
    lost = _lost(answer) if lanes_named else ""
    if lost:
        return f"lane {answer.lane} is {lost}"
    if fits(answer, lane):
        return ""
    return f"lane {name} failed" if failed(answer) else f"lane {name} took another path"


def _stray(answer: Answer) -> str:
    """What is wrong with an answer that belongs to no lane."""
    if answer.unreadable:
        return f"the answer can't be read: {answer.unreadable}"
    if not answer.path:
        return "not an answer of the services"
    return "the request failed" if failed(answer) else "no lane has this path"


def failed(answer: Answer) -> bool:
    """Whether the request has no answer, or that of an error."""
    return not 200 <= answer.status < 400


def _lost(answer: Answer) -> str:
    """Return the hop that did not read the lane that the gateway set; "" where all did."""
    hops = (step for step in answer.path if step.version and step.lane != answer.lane)
    return next((f"{step.lane or 'lost'} at {step.service}" for step in hops), "")
