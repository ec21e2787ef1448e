"""Splits inside the mesh: does each version answer a lane as often as the rule there says?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.judging.sorting import Groups, Judged
from lanes.judging.split import interval
from lanes.planning.hops import Hop


@dataclass(frozen=True)
class HopSplit:
    """How often `version` answered a lane at a service: `count` of `total`.

    `low` and `high` bound the shares, 0 to 1, that this does not speak against.
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
    """Every split on a lane's way, as the answers that took it as planned tell.

    All of them together find a sound one wrong in one run of 1,000.
    """
    right: dict[str, list[Judged]] = {}
    for one in judged:
        if not one.problem and one.answer.path:
            right.setdefault(one.name, []).append(one)
    found = list(_counted(groups, right))
    return tuple(
        HopSplit(name, hop.service, version, count, total, share, *interval(count, total, n))
        for n in (len(found),)
        for name, hop, version, share, count, total in found
    )


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
