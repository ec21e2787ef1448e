"""What requests are for: a lane to enter, by which entry rule, and how many by each."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.result import Lane, Plan

# How often a rule that the gateway does not have passes for one, because weights lead there.
FALSE_PASS = 0.001
# How many enter by a further rule, at least; and by all further rules, unless one each is more.
FEWEST, MOST = 5, 2_000


class Target(NamedTuple):
    """One request: the lane to enter, "" for none, and the entry rule that leads there."""

    lane: str
    rule: EntryRule


BY_WEIGHT = Target("", NO_ENTRY_RULE)


def entry_targets(plan: Plan, lanes: Iterable[Lane], requests: int) -> tuple[Target, ...]:
    """Return `requests` for each lane by its first rule, and by each further as many as show it.

    The first rule shows the lane's path. A further one has to show that it leads to the lane, and
    not by weight: with the lane's share p, n requests are all drawn there with the probability
    p ** n, so n = ln(FALSE_PASS) / ln(p), from FEWEST to `requests`. A rule whose method may
    change something gets none.
    """
    lanes = list(lanes)
    further = sum(len(lane.testable_rules) - 1 for lane in lanes if lane.testable_rules)
    most = min(requests, max(1, MOST // max(1, further)))
    return tuple(
        Target(lane.name, rule)
        for lane in lanes
        for number, rule in enumerate(lane.testable_rules)
        for _ in range(min(most, _showing(plan.share(lane))) if number else requests)
    )


def _showing(share: float) -> int:
    """Return how many requests show that a rule, and not its weight, leads into a lane."""
    if not 0 < share < 1:  # nothing is drawn there, or everything
        return FEWEST
    return max(FEWEST, math.ceil(math.log(FALSE_PASS) / math.log(share)))
