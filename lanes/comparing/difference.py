"""Compares two plans: the lanes that differ, and the rules that requests no longer match."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from lanes.comparing.unmet import unmet_rules
from lanes.mesh.model import Mesh
from lanes.planning.hop import Hop
from lanes.planning.result import Lane, Plan

Hops = tuple[Hop, ...]


@dataclass(frozen=True)
class Change:
    """A text before and after; "" for none."""

    before: str
    after: str


@dataclass(frozen=True)
class HopChange:
    """A service's hops in a lane, before and after; (): the lane does not reach the service."""

    service: str
    before: Hops
    after: Hops


@dataclass(frozen=True)
class LaneChange:
    """A lane that differs. `before` is None for a new lane, `after` for a removed one.

    `hops`: the services that answer the lane in another way. `rules`: the entry rules that lead to
    the lane only before, or only after.
    """

    name: str
    before: Lane | None
    after: Lane | None
    hops: tuple[HopChange, ...]
    rules: tuple[Change, ...]


@dataclass(frozen=True)
class Difference:
    """What changes for requests.

    `unchanged`: the names of lanes that do not differ. `header`: the lane header; None if it does
    not change. `unmet`: the places of rules that no request matches, and that are new or were
    matched before. `not_planned`: gateway rules that match no lane only before, or only after.
    """

    lanes: tuple[LaneChange, ...]
    unchanged: tuple[str, ...]
    header: Change | None
    unmet: tuple[str, ...]
    not_planned: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.lanes or self.header or self.unmet or self.not_planned)


def compare(old: tuple[Mesh, Plan], new: tuple[Mesh, Plan]) -> Difference:
    """Return what changes from `old` to `new`, each a mesh with its plan."""
    (old_mesh, before), (new_mesh, after) = old, new
    old_lanes = {lane.name: lane for lane in before.lanes}
    new_lanes = {lane.name: lane for lane in after.lanes}
    changes = {
        name: _lane_change(name, old_lanes.get(name), new_lanes.get(name))
        for name in {**old_lanes, **new_lanes}
    }
    header = Change(before.header, after.header)
    unmet_before = unmet_rules(old_mesh, before)
    unmet = unmet_rules(new_mesh, after)
    return Difference(
        tuple(change for change in changes.values() if change),
        tuple(name for name, change in changes.items() if not change),
        header if header.before != header.after else None,
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
    old_hops, new_hops = _by_service(before), _by_service(after)
    for service in {**old_hops, **new_hops}:
        old, new = old_hops.get(service, ()), new_hops.get(service, ())
        if set(map(_answer, old)) != set(map(_answer, new)):
            yield HopChange(service, old, new)


def _by_service(lane: Lane) -> dict[str, Hops]:
    hops: dict[str, Hops] = {}
    for hop in lane.path:
        hops[hop.service] = (*hops.get(hop.service, ()), hop)
    return hops


def _answer(hop: Hop) -> Hashable:
    """Return what a request gets at a hop, and why."""
    return hop.local_answer, hop.reason, hop.misrouted


def _changes(before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    """Yield the texts that are only on one side."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    yield from (Change(text, "") for text in old if text not in new)
    yield from (Change("", text) for text in new if text not in old)
