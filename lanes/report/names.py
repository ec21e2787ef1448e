"""Names in print: services of one name have their namespaces behind it."""

from dataclasses import replace

from lanes.planning.hop import Hop
from lanes.planning.result import Plan
from lanes.planning.service_names import namespace_of


def with_distinct_names(plan: Plan) -> Plan:
    """Return the plan with orders.shop in place of orders, where several services have the name."""
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
