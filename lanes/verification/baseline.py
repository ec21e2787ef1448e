"""Finds the lane that the others are compared with."""

from collections import Counter

from lanes.planning.hop import Reason
from lanes.planning.result import Plan


def baseline_of(plan: Plan) -> str:
    """Return the lane that most hops fall back to; if none does, that of the greatest weight."""
    lane_of = {
        (hop.service, hop.versions): lane.name
        for lane in reversed(plan.lanes)
        for hop in lane.path
        if hop.reason == Reason.MATCH
    }
    fallbacks = Counter(
        lane_of[hop.service, hop.versions]
        for lane in plan.lanes
        for hop in lane.path
        if hop.reason == Reason.FALLBACK and (hop.service, hop.versions) in lane_of
    )
    if fallbacks:
        return max(fallbacks, key=fallbacks.__getitem__)
    return max(plan.lanes, key=lambda lane: lane.weight).name
