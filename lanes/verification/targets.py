"""The targets of requests: the lanes to enter, by which entry rules, and how many by each."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.result import Lane, Plan

# How often a rule that the gateway lacks passes, because weights lead to the lane.
FALSE_PASS = 0.001
# The fewest requests by a further rule; the most by all further rules, unless one each is more.
FEWEST, MOST = 5, 2_000


class Target(NamedTuple):
    """One request: the lane to enter, "" for none, and the entry rule that leads there."""

    lane: str
    rule: EntryRule


BY_WEIGHT = Target("", NO_ENTRY_RULE)


def entry_targets(plan: Plan, lanes: Iterable[Lane], requests: int) -> tuple[Target, ...]:
    """Return `requests` targets for each lane by its first rule, and as many as needed by others.

    Requests by the first rule show the lane's path. Those by a further rule show that the rule, and
    no weight, leads to the lane. With the lane's share p, weights lead n requests there with the
    probability p ** n, so n = ln(FALSE_PASS) / ln(p), from FEWEST to `requests`. A rule whose
    method may change something gets none.
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
    """Return how many requests show that a rule, and no weight, leads to a lane of this `share`."""
    if not 0 < share < 1:  # weights lead no request there, or all
        return FEWEST
    return max(FEWEST, math.ceil(math.log(FALSE_PASS) / math.log(share)))
