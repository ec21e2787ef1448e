"""Distinct names of services: those that share a name get their namespace."""

from dataclasses import replace

from lanes.planning.hop import Hop
from lanes.planning.result import Plan
from lanes.planning.service_names import namespace_of


def with_distinct_names(plan: Plan) -> Plan:
    """Return the plan with a name such as orders.shop where several services are called orders."""
    if not plan.shared_names:
        return plan
    renamed: dict[int, Hop] = {}

    def rename(hop: Hop) -> Hop:
        if id(hop) not in renamed:  # callers that share a hop still share it afterwards
            name, namespace = hop.service, namespace_of(hop)
            name = f"{name}.{namespace}" if name in plan.shared_names and namespace else name
            upstreams = tuple(map(rename, hop.upstreams))
            renamed[id(hop)] = replace(hop, service=name, upstreams=upstreams)
        return renamed[id(hop)]

    lanes = (
        replace(lane, entry=rename(lane.entry), unreached=tuple(map(rename, lane.unreached)))
        for lane in plan.lanes
    )
    return replace(plan, lanes=tuple(lanes))
