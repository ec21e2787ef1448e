"""Verifies answers: compares each with the plan, and their split with the weights."""

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
    """Verify the `answers` by weight, and those of requests that `entered` a lane by a rule.

    Without `answers`, only lanes that were entered are verified.
    """
    answers, entered = list(answers), list(entered)
    classified = classify(plan, answers, entered)
    everything = (*classified.drawn, *classified.entered)
    by_lane = _by_lane(everything)
    lanes = tuple(_lane_verdicts(plan, classified, by_lane))
    unexpected = _unexpected(everything)
    hints = (
        missing_injection(plan, (one.answer for one in everything)),
        _cause(plan, answers, (answer for _, answer in entered), lanes, unexpected),
        *dict.fromkeys(_evidence_ends(classified.groups, lanes, by_lane)),
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
    by_lane = defaultdict[str, list[ClassifiedAnswer]](list)
    for one in classified:
        for name in dict.fromkeys((one.name, *one.among)):
            by_lane[name].append(one)
    return by_lane


def _lane_verdicts(plan: Plan, classified: Classified, by_lane: _ByLane) -> Iterator[LaneVerdict]:
    """Yield the verdict on each group of lanes."""
    drawn, groups = classified.drawn, classified.groups
    # An answer that is as planned for several groups counts for no share, and not in the total.
    total = sum(bool(one.problem or one.among) or one.name in groups for one in drawn)
    conclusive = [one for one in drawn if one.conclusive]
    counts = Counter(one.name for one in conclusive)
    planned = Counter(one.name for one in conclusive if not one.problem)
    unsure = Counter(name for one in drawn for name in one.among)
    entered = _entry_verdicts(plan, classified.entered)
    for name, group in groups.items():
        first = group[0]  # the others have the same answers
        yield LaneVerdict(
            name,
            counts[name],
            total,
            expected=sum(plan.share(lane) for lane in group),
            low=interval(counts[name], total, len(groups))[0],
            high=interval(counts[name] + unsure[name], total, len(groups))[1],
            as_planned=planned[name],
            entered=tuple(verdict for lane in group for verdict in entered[lane.name]),
            unsure=unsure[name],
            unseen=_unseen(first, by_lane.get(name, [])),
            not_known=_not_known(first),
        )


def _entry_verdicts(
    plan: Plan, entered: Iterable[ClassifiedAnswer]
) -> Mapping[str, list[EntryVerdict]]:
    """Return each lane's verdicts on the entry rules that requests used, or must not use."""
    by_target = defaultdict[Target, list[ClassifiedAnswer]](list)
    for one in entered:
        by_target[Target(one.name, one.rule)].append(one)
    return {
        lane.name: [
            _entry_verdict(target, by_target.get(target, []))
            for target in (Target(lane.name, rule) for rule in lane.entry_rules)
            if target in by_target or target.rule.not_sent_because
        ]
        for lane in plan.lanes
    }


def _entry_verdict(target: Target, classified: list[ClassifiedAnswer]) -> EntryVerdict:
    inconclusive = [one for one in classified if not one.conclusive]
    return EntryVerdict(
        target.lane,
        target.rule,
        count=len(classified),
        as_planned=sum(one.conclusive and not one.problem for one in classified),
        inconclusive=len(inconclusive),
        unseen=sum(one.answer.foreign for one in inconclusive),
    )


def _unexpected(classified: Iterable[ClassifiedAnswer]) -> tuple[Unexpected, ...]:
    """Return the answers that are not as planned, the most frequent first."""
    counts = Counter(
        (one.problem, one.answer.text, one.answer.status) for one in classified if one.problem
    )
    return tuple(Unexpected(*key, count=count) for key, count in counts.most_common())


def _cause(
    plan: Plan,
    drawn: Iterable[Answer],
    entered: Iterable[Answer],
    lanes: Iterable[LaneVerdict],
    unexpected: tuple[Unexpected, ...],
) -> Hint | None:
    """Return a hint at the cause of wrong answers or shares; None if the evidence shows it."""
    if not unexpected:
        return None if all(lane.fits for lane in lanes) else Hint(HintCode.OTHER_WEIGHTS)
    if any(one.problem.code is ProblemCode.LEFT for one in unexpected):
        return None
    return hint(plan, drawn) or hint(plan, entered)


def _evidence_ends(
    groups: Groups, lanes: Iterable[LaneVerdict], by_lane: _ByLane
) -> Iterator[Hint]:
    """Yield where the evidence of a lane's path ends."""
    for lane in lanes:
        answers = (one.answer for one in by_lane.get(lane.name, []))
        yield from evidence_ends(groups[lane.name][0], lane.unseen, answers)


def _unseen(lane: Lane, classified: Iterable[ClassifiedAnswer]) -> tuple[str, ...]:
    """Return the services on the lane's path that none of its answers shows.

    () if there is no answer, or if one shows all.
    """
    seen: set[str] | None = None
    for one in classified:
        if one.answer.partial or (one.answer.foreign and not one.conclusive):
            services = {step.service for step in one.answer.seen if step.version and not one.among}
            seen = services | (seen or set())
        elif one.conclusive and not one.problem:
            return ()
    if seen is None:
        return ()
    unseen = (hop.service for hop in lane.path if hop.versions and not hop.names & seen)
    return tuple(dict.fromkeys(unseen))


def _not_known(lane: Lane) -> tuple[str, ...]:
    """Return the services on the lane's path whose rules are not supported."""
    return tuple(dict.fromkeys(h.service for h in lane.path if h.reason == Reason.UNSUPPORTED))
