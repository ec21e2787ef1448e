"""The entry rules of each lane."""

from collections.abc import Mapping
from dataclasses import dataclass

from lanes.planning.entry_rule import EntryRule, least
from lanes.planning.hop import Hop
from lanes.planning.lanes import Candidate, Lanes, NotPlanned
from lanes.planning.resolver import Resolver


@dataclass(frozen=True)
class EntryRules:
    """The entry rules by lane, and the candidates that are no entry rules."""

    by_lane: Mapping[str, tuple[EntryRule, ...]]
    not_planned: tuple[NotPlanned, ...]

    def of(self, lane: str) -> tuple[EntryRule, ...]:
        """Return the entry rules of a lane."""
        return self.by_lane.get(lane, ())


def confirm(
    lanes: Lanes, paths: Mapping[str, Hop], resolvers: Mapping[str, Resolver]
) -> EntryRules:
    """Confirm the candidates whose requests get the lane's path.

    `paths`: the lanes' first hops. Raises LanesError if a candidate leads to several paths.
    """
    first = {spec.name: spec.forwarded[0] for spec in lanes.specs}

    def is_confirmed(candidate: Candidate) -> bool:
        if candidate.forwarded is first[candidate.lane]:
            return True
        return resolvers[candidate.lane].leads_to(paths[candidate.lane], candidate.forwarded)

    confirmed: dict[str, list[EntryRule]] = {}
    not_planned: list[NotPlanned] = []
    for candidate in lanes.candidates:
        if is_confirmed(candidate):
            confirmed.setdefault(candidate.lane, []).append(candidate.rule)
        elif candidate.rule.host is None:  # the headline names other hosts
            not_planned.append(NotPlanned(str(candidate.rule), "other-path", candidate.lane))
    by_lane = {name: least(rules) for name, rules in confirmed.items()}
    return EntryRules(by_lane, tuple(not_planned))
