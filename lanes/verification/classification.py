"""Tells which lane an answer counts for, and what is wrong with it."""

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
from lanes.verification.problems import Break, Problem
from lanes.verification.problems import ProblemCode as Code
from lanes.verification.targets import Target

Groups = dict[str, tuple[Lane, ...]]
"""Lanes by their name in a verdict. Lanes with the same answers are one group: "v1 or v2"."""


@dataclass(frozen=True)
class ClassifiedAnswer:
    """An answer and what it counts for. `rule`: the entry rule of its request.

    `name`: the group of lanes, "" for none. An answer that the plan has for several groups, such as
    a fault at the gateway, has all their names, "v1 or v2", and counts for no share. `among`: the
    groups that an answer may count for, if too few of its hops are seen. `problem`: what is wrong;
    None for nothing. `conclusive` False: the answer does not show where the request went. No hop is
    seen, or no service answers at the path or method of the entry rule. Such an answer is neither
    as planned nor wrong.
    """

    name: str
    problem: Problem | None
    answer: Answer
    rule: EntryRule = NO_ENTRY_RULE
    conclusive: bool = True
    among: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the request failed and should not have."""
        return self.problem is not None and failed(self.answer)


@dataclass(frozen=True)
class Classified:
    """The answers to requests that were `drawn` by weight, and to those that `entered` a lane."""

    groups: Groups
    drawn: tuple[ClassifiedAnswer, ...]
    entered: tuple[ClassifiedAnswer, ...]


class Classifier:
    """Classifies the answers of a run. `lanes_named`: whether answers name their lanes.

    `alone`: the lanes that requests entered, if they alone are verified; None: all of the plan's.
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
        """Classify the answer to a request that a weight drew into a lane."""
        if problem := _foreign_pod(answer, self._namespaces):
            name = answer.lane or ""
            return ClassifiedAnswer(name if name in self.groups else "", problem, answer)
        if self._shows_lane(answer):
            name = answer.lane or (UNTAGGED if UNTAGGED in self.groups else "")
            if name in self.groups:
                return ClassifiedAnswer(name, self._problem(answer, self.groups[name][0]), answer)
            return ClassifiedAnswer("", _no_such_lane(answer, name), answer)
        return self._by_path(answer)

    def _by_path(self, answer: Answer) -> ClassifiedAnswer:
        """Classify an answer that does not name its lane by the lanes whose path it fits."""
        fitting = [n for n, lanes in self.groups.items() if self._may_be(answer, lanes[0])]
        among = [n for n in fitting if any(lane.weight for lane in self.groups[n])] or fitting
        if among:
            unsure = tuple(among) if answer.partial and len(among) > 1 else ()
            return ClassifiedAnswer(joint_name(among), None, answer, among=unsure)
        if answer.foreign:
            names = tuple(self.groups)
            return ClassifiedAnswer(joint_name(names), None, answer, conclusive=False, among=names)
        return ClassifiedAnswer("", _stray(answer), answer)

    def entered(self, target: Target, answer: Answer) -> ClassifiedAnswer:
        """Classify the answer to a request that entered a lane."""
        lane = self._lanes[target.lane]
        silent = answer.foreign or _nothing_there(answer, target.rule)
        if silent and not fits(answer, lane):
            return ClassifiedAnswer(target.lane, None, answer, target.rule, conclusive=False)
        problem = self._entered_problem(answer, lane)
        if problem:
            problem = replace(problem, rule=target.rule)
        return ClassifiedAnswer(target.lane, problem, answer, target.rule)

    def _entered_problem(self, answer: Answer, lane: Lane) -> Problem | None:
        """Return what is wrong with the answer to a request that entered `lane`; None: nothing."""
        if problem := _foreign_pod(answer, self._namespaces):
            return problem
        if not answer.path:
            return None if fits(answer, lane) else _stray(answer)
        named = self._shows_lane(answer) and not lane.client_header
        if named and (answer.lane or UNTAGGED) != lane.name:
            if not answer.lane:
                return Problem(Code.NO_LANE, lane.name, broken=self._break(answer, lane, lane.name))
            return Problem(Code.OTHER_LANE, answer.lane)
        return self._problem(answer, lane)

    def _problem(self, answer: Answer, lane: Lane) -> Problem | None:
        """Return how the answer left its lane's path; None if it did not."""
        header = (answer.lane or "") if self._shows_lane(answer) else None
        if answer.partial:
            if broken := self._break(answer, lane, header):
                return Problem(Code.LEFT, lane.name, broken.service, broken=broken)
            wrong = failed(answer) and not _may_fail(lane)
            return Problem(Code.FAILED, lane.name) if wrong else None
        lost = _lost(answer) if self._lanes_named else None
        if lost is not None:
            code = Code.LANE_CHANGED if lost.lane else Code.LANE_LOST
            broken = self._break(answer, lane, header)
            return Problem(code, answer.lane or "", lost.service, lost.lane or "", broken=broken)
        if fits(answer, lane):
            return None
        code = Code.FAILED if failed(answer) else Code.OTHER_PATH
        return Problem(code, lane.name, broken=self._break(answer, lane, header))

    def _break(self, answer: Answer, lane: Lane, header: str | None) -> Break | None:
        """Return where the hops that are seen leave the lane's path; None if they do not."""
        wrong = first_wrong(LaneVerification(lane, self._baseline, header).hops(answer.path))
        return Break.of(wrong) if wrong else None

    def _shows_lane(self, answer: Answer) -> bool:
        """Tell whether the answer's first hop shows its lane, or that it has none."""
        entry = answer.path[0] if answer.path else None
        if entry is None or entry.silent or not entry.lane_known:
            return False
        return self._lanes_named or entry.routed is not None

    def _may_be(self, answer: Answer, lane: Lane) -> bool:
        """Tell whether the hops that are seen are as planned for `lane`."""
        return self._problem(answer, lane) is None if answer.partial else fits(answer, lane)


def classify(
    plan: Plan, answers: Iterable[Answer], entered: Iterable[tuple[Target, Answer]]
) -> Classified:
    """Classify the `answers` by weight, and those of requests that `entered` a lane."""
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
    """Tell whether `answer` is as planned for `lane`."""
    entry, path = lane.entry, answer.path
    if not path:  # the gateway itself answered
        failing = {abort.status for abort in entry.failing}
        if entry.reason == Reason.NONE:
            failing.add(entry.status)
        return entry.reason == Reason.UNSUPPORTED or answer.status in failing
    if entry.reason == Reason.NONE:
        return False
    ends = read(replace(entry, failing=()), lane.optional_cycles, path, 0)
    statuses = {200 if ended is None else ended for after, ended in ends if after == len(path)}
    return bool(statuses & {answer.status, ANY_STATUS})


def _groups(plan: Plan, lanes_named: bool) -> Groups:
    """Return the plan's lanes in groups with the same answers."""
    alike: dict[bytes | str, list[Lane]] = {}
    for lane in plan.lanes:
        ends_at_the_gateway = lane.entry.reason == Reason.NONE
        distinct = lanes_named and not ends_at_the_gateway
        alike.setdefault(lane.name if distinct else lane.entry.answer, []).append(lane)
    return {joint_name(lane.name for lane in lanes): tuple(lanes) for lanes in alike.values()}


def joint_name(names: Iterable[str]) -> str:
    """Return one name for lanes with the same answers."""
    return " or ".join(names)


def _nothing_there(answer: Answer, rule: EntryRule) -> bool:
    """Tell whether the service does not know the path or the method of an entry rule.

    The service then answers with text. The 404 of a proxy without a rule has none.
    """
    asks_more = bool(rule.path or rule.method)
    return asks_more and answer.status in (404, 405) and bool(answer.text) and not answer.path


def _may_fail(lane: Lane) -> bool:
    """Tell whether an error on the lane's path may be as planned."""
    return any(hop.failing or not hop.versions for hop in lane.path)


def _foreign_pod(answer: Answer, namespaces: PodNamespaces) -> Problem | None:
    """Return the problem if a pod that is not the plan's answered; None otherwise."""
    for step in answer.path:
        if home := namespaces.expected_instead(step):
            other = step.namespace or ""
            return Problem(Code.OTHER_NAMESPACE, "", step.service, other, home)
    return None


def _no_such_lane(answer: Answer, name: str) -> Problem:
    """Return the problem of an answer whose lane, "" for none, is not in the plan."""
    if name:
        return Problem(Code.LANE_NOT_PLANNED, name)
    entry = answer.path[0]
    return Problem(Code.NO_LANE, broken=Break("", entry.service, "", entry.version, Cause.NOT_SET))


def _stray(answer: Answer) -> Problem:
    """Return the problem of an answer that belongs to no lane."""
    if answer.unreadable:
        return Problem(Code.UNREADABLE, other=answer.unreadable)
    if not answer.path:
        return Problem(Code.NO_SERVICE)
    return Problem(Code.FAILED if failed(answer) else Code.NO_SUCH_PATH)


def failed(answer: Answer) -> bool:
    """Tell whether the request has no answer, or an error for one."""
    return not 200 <= answer.status < 400


def _lost(answer: Answer) -> Step | None:
    """Return the first hop that did not get the lane that the gateway set; None if all did."""
    hops = (step for step in answer.path if step.version and step.lane != answer.lane)
    return next(hops, None)
