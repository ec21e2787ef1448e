"""Two plans beside each other: the lanes that differ, and the rules that no request meets now."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from lanes.comparing.unmet import unmet_rules
from lanes.mesh.model import Mesh
from lanes.planning.hop import Hop
from lanes.planning.result import Lane, Plan

Hops = tuple[Hop, ...]


@dataclass(frozen=True)
class Change:
    """A text of before and one of after; "" where there was none, or is none."""

    before: str
    after: str


@dataclass(frozen=True)
class HopChange:
    """A service that answers a lane otherwise; (): the lane does not reach it."""

    service: str
    before: Hops
    after: Hops


@dataclass(frozen=True)
class LaneChange:
    """A lane that differs. `before` is None for a new lane, `after` for one that is gone.

    `hops`: where it is answered otherwise. `rules`: entry rules that lead to it now alone, or did.
    """

    name: str
    before: Lane | None
    after: Lane | None
    hops: tuple[HopChange, ...]
    rules: tuple[Change, ...]


@dataclass(frozen=True)
class Difference:
    """What changes for requests.

    `unchanged`: the lanes that are as before. `header`: the lane header, where it changes. `unmet`:
    where rules stand that no request meets, and that some met before or are new. `not_planned`: the
    gateway's rules that lead to no one lane now, or no longer.
    """

    lanes: tuple[LaneChange, ...]
    unchanged: tuple[str, ...]
    header: Change | None
    unmet: tuple[str, ...]
    not_planned: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.lanes or self.header or self.unmet or self.not_planned)


def compare(old: tuple[Mesh, Plan], new: tuple[Mesh, Plan]) -> Difference:
    """Return what `new` changes for the requests that `old` was planned for."""
    (old_mesh, before), (new_mesh, after) = old, new
    ago = {lane.name: lane for lane in before.lanes}
    now = {lane.name: lane for lane in after.lanes}
    changed: list[LaneChange] = []
    unchanged: list[str] = []
    for name in {**ago, **now}:
        change = _lane_change(name, ago.get(name), now.get(name))
        if change:
            changed.append(change)
        else:
            unchanged.append(name)
    unmet_before = unmet_rules(old_mesh, before)
    unmet = unmet_rules(new_mesh, after)
    return Difference(
        tuple(changed),
        tuple(unchanged),
        _change(before.header, after.header),
        tuple(place for rule, place in unmet.items() if rule not in unmet_before),
        tuple(_changes(map(str, before.not_planned), map(str, after.not_planned))),
    )


def _lane_change(name: str, before: Lane | None, after: Lane | None) -> LaneChange | None:
    hops = tuple(_hop_changes(before, after)) if before and after else ()
    rules = tuple(
        _changes(
            map(str, before.entry_rules if before else ()),
            map(str, after.entry_rules if after else ()),
        )
    )
    if before and after and before.weight == after.weight and not (hops or rules):
        return None
    return LaneChange(name, before, after, hops, rules)


def _hop_changes(before: Lane, after: Lane) -> Iterator[HopChange]:
    ago, now = _by_service(before), _by_service(after)
    for service in {**ago, **now}:
        was, is_now = ago.get(service, ()), now.get(service, ())
        if set(map(_answer, was)) != set(map(_answer, is_now)):
            yield HopChange(service, was, is_now)


def _by_service(lane: Lane) -> dict[str, Hops]:
    found: dict[str, Hops] = {}
    for hop in lane.path:
        found[hop.service] = (*found.get(hop.service, ()), hop)
    return found


def _answer(hop: Hop) -> Hashable:
    """Return all that a request sees of a hop, and whether it is the lane's own version."""
    return hop.own, hop.reason, hop.misrouted


def _change(before: str, after: str) -> Change | None:
    return None if before == after else Change(before, after)


def _changes(before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    """Yield the texts that one side has alone."""
    ago, now = dict.fromkeys(before), dict.fromkeys(after)
    yield from (Change(text, "") for text in ago if text not in now)
    yield from (Change("", text) for text in now if text not in ago)
