"""Which lane an answer counts for, and what is wrong with it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import LaneVerification, first_wrong
from lanes.evidence.steps import Answer, Step
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Reason
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Lane, Plan
from lanes.verification.baseline import baseline_of
from lanes.verification.namespaces import PodNamespaces
from lanes.verification.path_matching import ANY_STATUS, read
from lanes.verification.problems import Left, Problem
from lanes.verification.problems import ProblemCode as Code
from lanes.verification.targets import Target

Groups = dict[str, tuple[Lane, ...]]
"""Lanes by the name that a verdict has for them: lanes with the same answers are one."""


@dataclass(frozen=True)
class ClassifiedAnswer:
    """An answer, the name it counts under ("": none), what is wrong with it (None: nothing), and
    the entry rule of its request.

    Where the plan holds it for several lanes alike, such as a fault at the gateway, the name is
    theirs, "v1 or v2", and it counts for no one's share. `among`: the names of those that it may
    count for where too little of it is seen to tell.
    `conclusive` is False where the answer does not show where the request went: no hop is seen, or
    no service answers at the path or method of the entry rule. It counts neither as planned nor as
    wrong.
    """

    name: str
    problem: Problem | None
    answer: Answer
    rule: EntryRule = NO_ENTRY_RULE
    conclusive: bool = True
    among: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it failed and should not have."""
        return self.problem is not None and failed(self.answer)


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
        self._baseline = self._lanes[baseline_of(plan)]
        self._namespaces = PodNamespaces(plan)
        self._lanes_named = lanes_named
        self.groups: Groups = (
            _groups(plan, lanes_named)
            if alone is None
            else {name: (lane,) for name, lane in self._lanes.items() if name in alone}
        )

    def drawn(self, answer: Answer) -> ClassifiedAnswer:
        """An answer to a request that the weights led."""
        if problem := _foreign_pod(answer, self._namespaces):
            name = answer.lane or ""
            return ClassifiedAnswer(name if name in self.groups else "", problem, answer)
        if self._tells_lane(answer):
            name = answer.lane or (UNTAGGED if UNTAGGED in self.groups else "")
            if name in self.groups:
                return ClassifiedAnswer(name, self._off(answer, self.groups[name][0]), answer)
            return ClassifiedAnswer("", _no_such_lane(answer, name), answer)
        return self._fitting(answer)

    def _fitting(self, answer: Answer) -> ClassifiedAnswer:
        """An answer that does not name its lane: it is of one whose path it fits."""
        fitting = [n for n, lanes in self.groups.items() if self._fits(answer, lanes[0])]
        among = [n for n in fitting if any(lane.weight for lane in self.groups[n])] or fitting
        if among:
            unsure = tuple(among) if answer.partial and len(among) > 1 else ()
            return ClassifiedAnswer(joint_name(among), None, answer, among=unsure)
        if answer.foreign:
            names = tuple(self.groups)
            return ClassifiedAnswer(joint_name(names), None, answer, conclusive=False, among=names)
        return ClassifiedAnswer("", _stray(answer), answer)

    def entered(self, target: Target, answer: Answer) -> ClassifiedAnswer:
        """An answer to a request that entered a lane."""
        lane = self._lanes[target.lane]
        silent = answer.foreign or _nothing_there(answer, target.rule)
        if silent and not fits(answer, lane):
            return ClassifiedAnswer(target.lane, None, answer, target.rule, conclusive=False)
        problem = self._off_entered(answer, lane)
        found = replace(problem, rule=target.rule) if problem else None
        return ClassifiedAnswer(target.lane, found, answer, target.rule)

    def _off_entered(self, answer: Answer, lane: Lane) -> Problem | None:
        """What is wrong with an answer to a request that entered `lane`; None: nothing."""
        if problem := _foreign_pod(answer, self._namespaces):
            return problem
        if not answer.path:
            return None if fits(answer, lane) else _stray(answer)
        named = self._tells_lane(answer) and not lane.client_header
        if named and (answer.lane or UNTAGGED) != lane.name:
            if not answer.lane:
                return Problem(Code.NO_LANE, lane.name, left=self._left(answer, lane, lane.name))
            return Problem(Code.OTHER_LANE, answer.lane)
        return self._off(answer, lane)

    def _off(self, answer: Answer, lane: Lane) -> Problem | None:
        """How the answer left its lane's path; None where it did not."""
        header = (answer.lane or "") if self._tells_lane(answer) else None
        if answer.partial:
            if left := self._left(answer, lane, header):
                return Problem(Code.LEFT, lane.name, left.service, left=left)
            wrong = failed(answer) and not _may_fail(lane)
            return Problem(Code.FAILED, lane.name) if wrong else None
        lost = _lost(answer) if self._lanes_named else None
        if lost is not None:
            code = Code.LANE_CHANGED if lost.lane else Code.LANE_LOST
            left = self._left(answer, lane, header)
            return Problem(code, answer.lane or "", lost.service, lost.lane or "", left=left)
        if fits(answer, lane):
            return None
        code = Code.FAILED if failed(answer) else Code.OTHER_PATH
        return Problem(code, lane.name, left=self._left(answer, lane, header))

    def _left(self, answer: Answer, lane: Lane, header: str | None) -> Left | None:
        """Where what is seen of the answer leaves the lane's path; None where it does not."""
        wrong = first_wrong(LaneVerification(lane, self._baseline, header).hops(answer.path))
        return Left.of(wrong) if wrong else None

    def _tells_lane(self, answer: Answer) -> bool:
        """Whether the answer's first hop tells its lane, or that it has none."""
        entry = answer.path[0] if answer.path else None
        if entry is None or entry.silent or not entry.lane_known:
            return False
        return self._lanes_named or entry.routed is not None

    def _fits(self, answer: Answer, lane: Lane) -> bool:
        """Whether all that is seen of `answer` is what the plan holds for `lane`."""
        return self._off(answer, lane) is None if answer.partial else fits(answer, lane)


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
        if entry.reason == Reason.NONE:
            failing.add(entry.status)
        return entry.reason == Reason.UNSUPPORTED or answer.status in failing
    if entry.reason == Reason.NONE:
        return False
    ends = read(replace(entry, failing=()), lane.optional_cycles, path, 0)
    statuses = {200 if ended is None else ended for after, ended in ends if after == len(path)}
    return bool(statuses & {answer.status, ANY_STATUS})


def _groups(plan: Plan, lanes_named: bool) -> Groups:
    """Return the lanes by the name that a verdict has for them."""
    alike: dict[bytes | str, list[Lane]] = {}
    for lane in plan.lanes:
        ends_at_the_gateway = lane.entry.reason == Reason.NONE
        distinct = lanes_named and not ends_at_the_gateway
        alike.setdefault(lane.name if distinct else lane.entry.answer, []).append(lane)
    return {joint_name(lane.name for lane in lanes): tuple(lanes) for lanes in alike.values()}


def joint_name(names: Iterable[str]) -> str:
    """The one name of lanes that answers do not tell apart."""
    return " or ".join(names)


def _nothing_there(answer: Answer, rule: EntryRule) -> bool:
    """Return whether an entry rule has a path or a method that the service does not know.

    It says so in words; the 404 of a proxy without a rule has none.
    """
    own = bool(rule.path or rule.method)
    return own and answer.status in (404, 405) and bool(answer.text) and not answer.path


def _may_fail(lane: Lane) -> bool:
    """Whether the plan holds an error, or lets one be, somewhere on the lane's path."""
    return any(hop.failing or not hop.versions for hop in lane.path)


def _foreign_pod(answer: Answer, namespaces: PodNamespaces) -> Problem | None:
    """Whose pods answered where they are not the plan's; None where they may be."""
    for step in answer.path:
        if home := namespaces.expected_instead(step):
            other = step.namespace or ""
            return Problem(Code.OTHER_NAMESPACE, "", step.service, other, home)
    return None


def _no_such_lane(answer: Answer, name: str) -> Problem:
    """What is wrong where the answer's lane, "" for none, is not planned."""
    if name:
        return Problem(Code.LANE_NOT_PLANNED, name)
    entry = answer.path[0]
    cause = Left("", entry.service, "", entry.version, Cause.NOT_SET)
    return Problem(Code.NO_LANE, left=cause)


def _stray(answer: Answer) -> Problem:
    """What is wrong with an answer that belongs to no lane."""
    if answer.unreadable:
        return Problem(Code.UNREADABLE, other=answer.unreadable)
    if not answer.path:
        return Problem(Code.NO_SERVICE)
    return Problem(Code.FAILED if failed(answer) else Code.NO_SUCH_PATH)


def failed(answer: Answer) -> bool:
    """Whether the request has no answer, or that of an error."""
    return not 200 <= answer.status < 400


def _lost(answer: Answer) -> Step | None:
    """Return the hop that did not read the lane that the gateway set; None where all did."""
    hops = (step for step in answer.path if step.version and step.lane != answer.lane)
    return next(hops, None)
