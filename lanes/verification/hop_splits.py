"""Tests whether each split inside the mesh fits the shares of its rule."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from lanes.evidence.steps import MOST_HOPS, Step
from lanes.mesh.traffic import Abort
from lanes.planning.hop import Hop
from lanes.verification.classification import ClassifiedAnswer, Groups, joint_name
from lanes.verification.split import interval

_Planned = Mapping[str, tuple[Hop, ...]]
"""The hops of each group of lanes, in the order of the answer."""
_ByLane = Mapping[str, list[ClassifiedAnswer]]


@dataclass(frozen=True)
class HopSplit:
    """How often `version`, or a status that a rule plans for a share, answered a lane's calls.

    That is `count` of `total`. `expected`: the rule's share, 0 to 1. `low` and `high`: the
    confidence interval of the share.
    """

    lane: str
    service: str
    version: str
    count: int
    total: int
    expected: float
    low: float = 0.0
    high: float = 1.0

    @property
    def fits(self) -> bool:
        """Whether the share is as expected, within the confidence interval."""
        return self.low <= self.expected <= self.high


def splits(groups: Groups, classified: Iterable[ClassifiedAnswer]) -> tuple[HopSplit, ...]:
    """Return every split on a lane's path, and every share that fails, by the right answers.

    All of them together find a right split wrong in one run of 1,000.
    """
    right: dict[str, list[ClassifiedAnswer]] = {}
    partial: dict[str, list[ClassifiedAnswer]] = {}
    for one in classified:
        if not one.problem:
            (partial if one.answer.partial else right).setdefault(one.name, []).append(one)
    planned = _planned(groups, right)
    counted, failing = list(_counted(planned, right)), list(_failed(groups, planned, right))
    whole = {split.lane for split in counted}
    counted += _seen({n: lanes for n, lanes in groups.items() if n not in whole}, partial)
    n = len(counted) + len(failing)
    return (
        *(_bounded(split, n) for split in counted),
        # Fewer failures are right, too: meshes retry what fails.
        *(replace(_bounded(split, n), high=1.0) for split in failing),
    )


def _bounded(split: HopSplit, n: int) -> HopSplit:
    """Return one of `n` splits with its confidence interval."""
    low, high = interval(split.count, split.total, n)
    return replace(split, low=low, high=high)


def _failed(groups: Groups, planned: _Planned, right: _ByLane) -> Iterator[HopSplit]:
    """Yield how often calls failed that a rule plans to fail for a share.

    Lanes that share a fault are counted together, if a failed answer does not name its lane.
    """
    alike: dict[tuple[int, str, tuple[Abort, ...]], dict[str, Hop]] = {}
    for name, hops in planned.items():
        for place, hop in enumerate(hops):
            if hop.failing and hop.versions:
                # The gateway has one rule, whichever services it leads to.
                service = hop.service if place else ""
                alike.setdefault((place, service, hop.failing), {})[name] = hop
    for (place, _, failing), by_lane in alike.items():
        share = sum(abort.share for abort in failing)
        statuses = "|".join(str(abort.status) for abort in failing)
        weighted = [name for name in by_lane if any(lane.weight for lane in groups[name])]
        joint = joint_name(weighted)
        mixed = {joint: [*weighted, joint]} if len(weighted) > 1 and joint in right else {}
        single = {name: [name] for name in by_lane if not mixed or name not in weighted}
        for name, names in {**mixed, **single}.items():
            hop = by_lane[names[0]]
            paths = [one.answer.path for n in names for one in right.get(n, [])]
            # A request that fails at the gateway has no step.
            known = [path or (Step(hop.service, ""),) for path in paths if path or not place]
            steps = [path[place] for path in known if len(path) > place]
            failed = [not step.version for step in steps if not place or step.service in hop.names]
            if failed:
                yield HopSplit(name, hop.service, statuses, sum(failed), len(failed), share)


def _planned(groups: Groups, right: _ByLane) -> _Planned:
    """Return each lane's hops in the order of the answer.

    The calls of cycles are left out, unless an answer has as many steps as there are with them.
    """
    lengths = {len(one.answer.path) for answers in right.values() for one in answers}
    planned: dict[str, tuple[Hop, ...]] = {}
    for name, lanes in groups.items():
        hops = tuple(islice(lanes[0].entry.calls(), MOST_HOPS))
        if len(hops) not in lengths and lanes[0].optional_cycles:
            hops = tuple(islice(lanes[0].entry.calls_without_cycles(), MOST_HOPS))
        planned[name] = hops
    return planned


def _counted(planned: _Planned, right: _ByLane) -> Iterator[HopSplit]:
    """Yield the splits at hops by the answers that show all hops; others failed, as planned."""
    for name, hops in planned.items():
        paths = [one.answer.path for one in right.get(name, [])]
        whole = [path for path in paths if len(path) == len(hops)]
        for place, hop in enumerate(hops if whole else ()):
            yield from _counts(name, hop, [path[place] for path in whole])


def _seen(groups: Groups, partial: _ByLane) -> Iterator[HopSplit]:
    """Yield the splits at hops by all steps that are seen of them in partial answers."""
    for name, lanes in groups.items():
        steps = [step for one in partial.get(name, []) for step in one.answer.seen]
        for hop in lanes[0].path if steps else ():
            at_hop = [step for step in steps if step.service in hop.names]
            yield from (split for split in _counts(name, hop, at_hop) if split.total)


def _counts(lane: str, hop: Hop, steps: Iterable[Step]) -> Iterator[HopSplit]:
    """Yield how often each part of a hop's split answered in `steps`."""
    answered = [(step.service, step.version) for step in steps if step.version in hop.versions]
    for version, share, matches in _parts(hop):
        count = sum(map(matches, answered))
        yield HopSplit(lane, hop.service, version, count, len(answered), share)


def _parts(hop: Hop) -> Iterator[tuple[str, float, Callable[[tuple[str, str]], bool]]]:
    """Yield the parts of a hop's split: a name, the share, and which steps are the part's.

    None if two parts share pods: then answers do not show which part they are of.
    """
    if len(hop.parts) > 1:
        pods = [pod for part in hop.parts for pod in part.pods]
        for part in hop.parts if len(set(pods)) == len(pods) else ():
            yield f"{part.service} {'|'.join(part.versions)}", part.share, part.pods.__contains__
        return
    for version, share in zip(hop.versions, hop.shares, strict=False):
        yield version, share, {(name, version) for name in hop.names}.__contains__
