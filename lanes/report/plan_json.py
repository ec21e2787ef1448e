"""The plan as JSON; docs/plan.md describes it."""

from collections import Counter
from typing import Any

from lanes.mesh.model import Mesh
from lanes.planning.hop import Hop
from lanes.planning.result import Lane, Plan
from lanes.planning.service_names import namespace_of
from lanes.report.json_version import VERSION
from lanes.report.names import with_distinct_names
from lanes.report.plan_warnings import warnings

Json = dict[str, Any]


def plan_json(mesh: Mesh, plan: Plan) -> Json:
    """Return the plan as JSON. Shares are from 0 to 1; {} if no rule sets them."""
    return {
        "version": VERSION,
        "lane_header": plan.header,
        "virtual_host": plan.domain,
        "path": plan.path,
        "default_status": plan.default_status,
        "lanes": [_lane(lane) for lane in plan.lanes],
        "not_planned": [
            {"rule": rule.rule, "reason": rule.reason, "message": str(rule)}
            for rule in plan.not_planned
        ],
        "other_rules": [
            {"service": other.service, "rule": other.rule, "field": other.place.field}
            for other in plan.other_rules
        ],
        "ports": [
            {"service": chosen.service, "port": chosen.port, "others": list(chosen.others)}
            for chosen in plan.ports
        ],
        "unset_headers": [
            {"lane": lane.name, "header": lane.header, "headers": dict(lane.headers)}
            for lane in plan.unset_headers
        ],
        "unreached": list(plan.unreached),
        "not_simulated": dict(sorted(Counter(mesh.left_to_cluster).items())),
        "errors": [error.json() for error in mesh.not_supported],
        "warnings": [warning.json() for warning in warnings(mesh, with_distinct_names(plan))],
    }


def _lane(lane: Lane) -> Json:
    return {
        "name": lane.name,
        "weight": lane.weight,
        "client_header": lane.client_header,
        "path": [_hop(hop) for hop in lane.path],
        "unreached": [_hop(hop) for hop in lane.unreached],
        "entry_rules": [
            {
                "headers": dict(rule.headers),
                "host": rule.host,
                "path": rule.path,
                "method": rule.method,
            }
            for rule in lane.entry_rules
        ],
    }


def _hop(hop: Hop) -> Json:
    message = hop.misrouted or hop.unanswered or hop.unsupported
    return {
        "service": hop.service,
        "namespace": namespace_of(hop),
        "version": hop.version,
        "reason": hop.reason,
        "message": str(message) if message else "",
        "status": hop.status,
        "shares": dict(zip(hop.versions, hop.shares, strict=True)) if hop.shares else {},
        "services": [
            {"service": part.service, "versions": list(part.versions), "share": part.share}
            for part in hop.parts
        ],
        "error_shares": {str(part.status): part.share for part in hop.failing},
    }
