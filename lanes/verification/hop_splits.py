"""Splits inside the mesh: does each version answer a lane as often as the rule there says?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from lanes.evidence.steps import MOST_HOPS, Step
from lanes.mesh.traffic import Abort
from lanes.planning.hop import Hop
from lanes.verification.classification import ClassifiedAnswer, Groups, joint_name
from lanes.verification.split import interval

_Planned = Mapping[str, tuple[Hop, ...]]
"""Each lane's hops in the order of the answer, by the name of the lane's group."""


@dataclass(frozen=True)
class HopSplit:
    """How often `version`, or a status that is planned for a share, answered a lane at a service.

    That is `count` of `total`; `low` and `high` bound the shares, 0 to 1, that this does not speak
    against.
    """

    lane: str
    service: str
    version: str
    count: int
    total: int
    expected: float
    low: float
    high: float

    @property
    def fits(self) -> bool:
        """Whether its share may be what the rule says."""
        return self.low <= self.expected <= self.high


def splits(groups: Groups, classified: Iterable[ClassifiedAnswer]) -> tuple[HopSplit, ...]:
    """Return every split on a lane's path, and every share that fails, by the right answers.

    All of them together find a sound one wrong in one run of 1,000.
    """
    right: dict[str, list[ClassifiedAnswer]] = {}
    partly: dict[str, list[ClassifiedAnswer]] = {}
    for one in classified:
        if not one.problem:
            (partly if one.answer.partial else right).setdefault(one.name, []).append(one)
    planned = _planned(groups, right)
    found, failed = list(_counted(planned, right)), list(_failed(groups, planned, right))
    whole = {name for name, *_ in found}
    found += _seen({n: lanes for n, lanes in groups.items() if n not in whole}, partly)
    n = len(found) + len(failed)
    return (
        *(
            HopSplit(name, hop.service, version, count, total, share, *interval(count, total, n))
            for name, hop, version, share, count, total in found
        ),
        *(
            # Fewer are right as well: meshes send again what fails.
            HopSplit(
                name, hop.service, word, count, total, share, interval(count, total, n)[0], 1.0
            )
            for name, hop, word, share, count, total in failed
        ),
    )


def _failed(
    groups: Groups, planned: _Planned, right: Mapping[str, list[ClassifiedAnswer]]
) -> Iterable[tuple[str, Hop, str, float, int, int]]:
    """What is planned to fail for a share, where the answers get there one after the other.

    Lanes that share a fault are one where a failed answer does not name its lane.
    """
    alike: dict[tuple[int, str, tuple[Abort, ...]], dict[str, Hop]] = {}
    for name, hops in planned.items():
        for place, hop in enumerate(hops):
            if hop.failing and hop.versions:
                # The gateway's rule is one, whichever services it leads to.
                at = hop.service if place else ""
                alike.setdefault((place, at, hop.failing), {})[name] = hop
    for (place, _, failing), by_lane in alike.items():
        share = sum(one.share for one in failing)
        words = "|".join(str(one.status) for one in failing)
        weighted = [name for name in by_lane if any(lane.weight for lane in groups[name])]
        one = joint_name(weighted)
        mixed = {one: [*weighted, one]} if len(weighted) > 1 and one in right else {}
        single = {name: [name] for name in by_lane if not mixed or name not in weighted}
        for name, names in {**mixed, **single}.items():
            hop = by_lane[names[0]]
            paths = [classified.answer.path for n in names for classified in right.get(n, [])]
            # What fails at the gateway has no step at all.
            known = [path or (Step(hop.service, ""),) for path in paths if path or not place]
            steps = [path[place] for path in known if len(path) > place]
            failed = [not step.version for step in steps if not place or step.service in hop.names]
            if failed:
                yield name, hop, words, share, sum(failed), len(failed)


def _planned(groups: Groups, right: Mapping[str, list[ClassifiedAnswer]]) -> _Planned:
    """Return each lane's hops in the order of the answer, as many as an answer tells.

    Without the calls of cycles, unless answers have them all.
    """
    lengths = {len(one.answer.path) for each in right.values() for one in each}
    found: dict[str, tuple[Hop, ...]] = {}
    for name, lanes in groups.items():
        whole = tuple(islice(lanes[0].entry.calls(), MOST_HOPS))
        if len(whole) not in lengths and lanes[0].optional_cycles:
            whole = tuple(islice(lanes[0].entry.straight(), MOST_HOPS))
        found[name] = whole
    return found


def _counted(
    planned: _Planned, right: Mapping[str, list[ClassifiedAnswer]]
) -> Iterable[tuple[str, Hop, str, float, int, int]]:
    for name, hops in planned.items():
        paths = [one.answer.path for one in right.get(name, [])]
        whole = [path for path in paths if len(path) == len(hops)]  # others failed, as planned
        for place, hop in enumerate(hops if whole else ()):
            steps = [(path[place].service, path[place].version) for path in whole]
            for word, share, counts in _shared(hop):
                answered = [step for step in steps if step[1] in hop.versions]
                yield name, hop, word, share, sum(map(counts, answered)), len(answered)


def _seen(
    groups: Groups, partly: Mapping[str, list[ClassifiedAnswer]]
) -> Iterable[tuple[str, Hop, str, float, int, int]]:
    """The splits at hops by the steps that are seen of them, whatever else of the answers is."""
    for name, lanes in groups.items():
        steps = [step for one in partly.get(name, []) for step in one.answer.seen]
        for hop in lanes[0].path if steps else ():
            there = [(step.service, step.version) for step in steps if step.service in hop.names]
            for word, share, counts in _shared(hop):
                answered = [step for step in there if step[1] in hop.versions]
                if answered:
                    yield name, hop, word, share, sum(map(counts, answered)), len(answered)


def _shared(hop: Hop) -> Iterable[tuple[str, float, Callable[[tuple[str, str]], bool]]]:
    """The parts of a split that answers tell apart: in words, their share, and what counts."""
    if len(hop.parts) > 1:
        pods = [pod for part in hop.parts for pod in part.pods]
        for part in hop.parts if len(set(pods)) == len(pods) else ():
            yield f"{part.service} {'|'.join(part.versions)}", part.share, part.pods.__contains__
        return
    for version, share in zip(hop.versions, hop.shares, strict=False):
        yield version, share, {(name, version) for name in hop.names}.__contains__
