"""Splits inside the mesh: does each version answer a lane as often as the rule there says?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.judging.answers import Step
from lanes.judging.sorting import Groups, Judged
from lanes.judging.split import interval
from lanes.planning.hops import Hop


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


def splits(groups: Groups, judged: Iterable[Judged]) -> tuple[HopSplit, ...]:
    """Every split on a lane's way, and every share that fails, by the answers that are as planned.

    All of them together find a sound one wrong in one run of 1,000.
    """
    right: dict[str, list[Judged]] = {}
    for one in judged:
        if not one.problem:
            right.setdefault(one.name, []).append(one)
    found, failed = list(_counted(groups, right)), list(_failed(groups, right))
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
    groups: Groups, right: Mapping[str, list[Judged]]
) -> Iterable[tuple[str, Hop, str, float, int, int]]:
    """What is planned to fail for a share, where the answers get there one after the other."""
    for name, lanes in groups.items():
        paths = [one.answer.path for one in right.get(name, [])]
        for place, hop in enumerate(lanes[0].path):
            # What fails at the gateway has no step at all.
            known = [path or (Step(hop.service, ""),) for path in paths if path or not place]
            steps = [path[place] for path in known if len(path) > place]
            steps = [step for step in steps if step.service == hop.service]
            if hop.failing and hop.versions and steps:
                share = sum(one.share for one in hop.failing)
                words = "|".join(str(one.status) for one in hop.failing)
                failed = sum(step.version not in hop.versions for step in steps)
                yield name, hop, words, share, failed, len(steps)


def _counted(
    groups: Groups, right: Mapping[str, list[Judged]]
) -> Iterable[tuple[str, Hop, str, float, int, int]]:
    for name, lanes in groups.items():
        planned = lanes[0].path
        paths = [one.answer.path for one in right.get(name, [])]
        whole = [path for path in paths if len(path) == len(planned)]  # others failed, as planned
        for place, hop in enumerate(planned if whole else ()):
            there = [path[place].version for path in whole]
            answered = [version for version in there if version in hop.versions]
            for version, share in zip(hop.versions, hop.shares, strict=False):
                yield name, hop, version, share, answered.count(version), len(answered)
