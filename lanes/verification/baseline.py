"""The lane that the others are compared with."""

from collections import Counter

from lanes.planning.hop import Reason
from lanes.planning.result import Plan


def baseline_of(plan: Plan) -> str:
    """The lane that the others fall back to; where none does, that of the greatest weight."""
    own = {
        (hop.service, hop.versions): lane.name
        for lane in reversed(plan.lanes)
        for hop in lane.path
        if hop.reason == Reason.MATCH
    }
    votes = Counter(
        own[hop.service, hop.versions]
        for lane in plan.lanes
        for hop in lane.path
        if hop.reason == Reason.FALLBACK and (hop.service, hop.versions) in own
    )
    if votes:
        return max(votes, key=votes.__getitem__)
    return max(plan.lanes, key=lambda lane: lane.weight).name
