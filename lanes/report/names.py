"""Names in print: services of one name are told apart by their namespaces."""

from dataclasses import replace

from lanes.planning.hop import Hop
from lanes.planning.result import Plan
from lanes.planning.service_names import namespace_of


def with_distinct_names(plan: Plan) -> Plan:
    """The plan for a reader: what else has a service's name, it is called orders.shop there."""
    if not plan.shared_names:
        return plan
    done: dict[int, Hop] = {}

    def hop(old: Hop) -> Hop:
        if id(old) not in done:  # calls that meet share a hop, and go on doing so
            name, home = old.service, namespace_of(old)
            name = f"{name}.{home}" if name in plan.shared_names and home else name
            upstreams = tuple(map(hop, old.upstreams))
            done[id(old)] = replace(old, service=name, upstreams=upstreams)
        return done[id(old)]

    lanes = (
        replace(lane, entry=hop(lane.entry), unreached=tuple(map(hop, lane.unreached)))
        for lane in plan.lanes
    )
    return replace(plan, lanes=tuple(lanes))
