"""Verify: every answer against the plan, and the split against the weights."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from lanes.evidence.steps import Answer
from lanes.planning.hop import Reason
from lanes.planning.result import Lane, Plan
from lanes.verification.classification import (
    Classified,
    ClassifiedAnswer,
    Groups,
    classify,
    failed,
)
from lanes.verification.hints import Hint, HintCode, evidence_ends, hint, missing_injection
from lanes.verification.hop_splits import splits
from lanes.verification.problems import ProblemCode
from lanes.verification.split import interval
from lanes.verification.targets import Target
from lanes.verification.verdict import EntryVerdict, LaneVerdict, Unexpected, Verdict


def verify(
    plan: Plan, answers: Iterable[Answer], entered: Iterable[tuple[Target, Answer]] = ()
) -> Verdict:
    """Verify by `plan` the `answers` by weight, and each that `entered` a lane by a rule.

    Without `answers`, only lanes that were entered are verified.
    """
    answers, entered = list(answers), list(entered)
    classified = classify(plan, answers, entered)
    everything = (*classified.drawn, *classified.entered)
    own = _by_lane(everything)
    lanes = tuple(_lane_verdicts(plan, classified, own))
    unexpected = _unexpected(everything)
    hints = (
        missing_injection(plan, (one.answer for one in everything)),
        _pointed_to(plan, answers, (answer for _, answer in entered), lanes, unexpected),
        *dict.fromkeys(_evidence_ends(classified.groups, lanes, own)),
    )
    return Verdict(
        requests=len(answers),
        errors=sum(one.failed for one in everything),
        planned_failures=sum(
            one.conclusive and not one.problem and failed(one.answer) for one in everything
        ),
        lanes=lanes,
        unexpected=unexpected,
        hints=tuple(filter(None, hints)),
        splits=splits(classified.groups, everything),
    )


_ByLane = Mapping[str, list[ClassifiedAnswer]]
"""The answers that count, or may count, for a lane, by its name."""


def _by_lane(classified: Iterable[ClassifiedAnswer]) -> _ByLane:
    found = defaultdict[str, list[ClassifiedAnswer]](list)
    for one in classified:
        for name in dict.fromkeys((one.name, *one.among)):
            found[name].append(one)
    return found


def _lane_verdicts(plan: Plan, classified: Classified, own: _ByLane) -> Iterator[LaneVerdict]:
    """Yield how each group of lanes fared, of which `own` has the answers."""
    drawn, groups = classified.drawn, classified.groups
    # What several lanes may have got by plan is no one's, and no part of what their shares are of.
    total = sum(bool(one.problem or one.among) or one.name in groups for one in drawn)
    conclusive = [one for one in drawn if one.conclusive]
    seen = Counter(one.name for one in conclusive)
    planned = Counter(one.name for one in conclusive if not one.problem)
    unsure = Counter(name for one in drawn for name in one.among)
    entered = _entry_verdicts(plan, classified.entered)
    for name, group in groups.items():
        first = group[0]  # the others have the same answers
        yield LaneVerdict(
            name,
            seen[name],
            total,
            expected=sum(plan.share(lane) for lane in group),
            low=interval(seen[name], total, len(groups))[0],
            high=interval(seen[name] + unsure[name], total, len(groups))[1],
            as_planned=planned[name],
            entered=tuple(one for lane in group for one in entered[lane.name]),
            unsure=unsure[name],
            unseen=_unseen(first, own.get(name, [])),
            not_known=_not_known(first),
        )


def _entry_verdicts(
    plan: Plan, entered: Iterable[ClassifiedAnswer]
) -> Mapping[str, list[EntryVerdict]]:
    """How each lane fared by its entry rules: those that requests used, or must not use."""
    came = defaultdict[Target, list[ClassifiedAnswer]](list)
    for one in entered:
        came[Target(one.name, one.rule)].append(one)
    return {
        lane.name: [
            _entry_verdict(target, came.get(target, []))
            for target in (Target(lane.name, rule) for rule in lane.entry_rules)
            if target in came or target.rule.not_sent_because
        ]
        for lane in plan.lanes
    }


def _entry_verdict(target: Target, came: list[ClassifiedAnswer]) -> EntryVerdict:
    inconclusive = [one for one in came if not one.conclusive]
    return EntryVerdict(
        target.lane,
        target.rule,
        count=len(came),
        as_planned=sum(one.conclusive and not one.problem for one in came),
        inconclusive=len(inconclusive),
        unseen=sum(one.answer.foreign for one in inconclusive),
    )


def _unexpected(classified: Iterable[ClassifiedAnswer]) -> tuple[Unexpected, ...]:
    """What the plan does not hold, the most frequent first."""
    found = Counter(
        (one.problem, one.answer.text, one.answer.status) for one in classified if one.problem
    )
    return tuple(Unexpected(*key, count=count) for key, count in found.most_common())


def _pointed_to(
    plan: Plan,
    drawn: Iterable[Answer],
    entered: Iterable[Answer],
    lanes: Iterable[LaneVerdict],
    unexpected: tuple[Unexpected, ...],
) -> Hint | None:
    """What wrong answers, or wrong shares, point to; None where a hop tells more by itself."""
    if not unexpected:
        return None if all(lane.fits for lane in lanes) else Hint(HintCode.OTHER_WEIGHTS)
    if any(one.problem.code is ProblemCode.LEFT for one in unexpected):
        return None
    return hint(plan, drawn) or hint(plan, entered)


def _evidence_ends(groups: Groups, lanes: Iterable[LaneVerdict], own: _ByLane) -> Iterator[Hint]:
    """Yield where a lane's path is not seen any further."""
    for lane in lanes:
        answers = (one.answer for one in own.get(lane.name, []))
        first = groups[lane.name][0]
        yield from evidence_ends(first, lane.unseen, answers)


def _unseen(lane: Lane, classified: Iterable[ClassifiedAnswer]) -> tuple[str, ...]:
    """The services on the path of `lane` that none of its answers shows.

    () where there is no answer, or one that shows all.
    """
    shown: set[str] | None = None
    for one in classified:
        if one.answer.partial or (one.answer.foreign and not one.conclusive):
            versioned = {step.service for step in one.answer.seen if step.version and not one.among}
            shown = versioned | (shown or set())
        elif one.conclusive and not one.problem:
            return ()
    if shown is None:
        return ()
    missed = (h.service for h in lane.path if h.versions and not h.names & shown)
    return tuple(dict.fromkeys(missed))


def _not_known(lane: Lane) -> tuple[str, ...]:
    """The services on the path of `lane` whose rules are not supported."""
    return tuple(dict.fromkeys(h.service for h in lane.path if h.reason == Reason.UNSUPPORTED))
