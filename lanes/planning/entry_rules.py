"""Entry rules: which of the gateway's rules lead to which lane."""

from collections.abc import Mapping
from dataclasses import dataclass

from lanes.planning.entry_rule import EntryRule, least
from lanes.planning.hop import Hop
from lanes.planning.lanes import Candidate, Lanes, NotPlanned
from lanes.planning.resolver import Resolver


@dataclass(frozen=True)
class EntryRules:
    """The entry rules of each lane that has any, by its name, and the rules that are none."""

    by_lane: Mapping[str, tuple[EntryRule, ...]]
    not_planned: tuple[NotPlanned, ...]

    def of(self, lane: str) -> tuple[EntryRule, ...]:
        """Return the entry rules of a lane."""
        return self.by_lane.get(lane, ())


def confirm(
    lanes: Lanes, paths: Mapping[str, Hop], resolvers: Mapping[str, Resolver]
) -> EntryRules:
    """Confirm the candidates that lead to their lane by the path that its other requests have.

    `paths` are the lanes' first hops. Raises LanesError where a candidate leads to no one path.
    """
    own = {spec.name: spec.forwarded[0] for spec in lanes.specs}

    def is_confirmed(candidate: Candidate) -> bool:
        if candidate.forwarded is own[candidate.lane]:
            return True
        return resolvers[candidate.lane].leads_to(paths[candidate.lane], candidate.forwarded)

    found: dict[str, list[EntryRule]] = {}
    refused: list[NotPlanned] = []
    for candidate in lanes.candidates:
        if is_confirmed(candidate):
            found.setdefault(candidate.lane, []).append(candidate.rule)
        elif candidate.rule.host is None:  # the headline names other hosts
            refused.append(NotPlanned(str(candidate.rule), "other-path", candidate.lane))
    return EntryRules({name: least(rules) for name, rules in found.items()}, tuple(refused))
