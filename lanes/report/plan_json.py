"""The plan for programs: docs/plan.md describes it."""

from collections import Counter
from typing import Any

from lanes.mesh.model import Mesh
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import Hop
from lanes.planning.lanes import NotPlanned
from lanes.planning.result import Lane, Plan
from lanes.planning.service_names import namespace_of
from lanes.report.json_version import VERSION
from lanes.report.names import with_distinct_names
from lanes.report.plan_warnings import warnings

Json = dict[str, Any]


def plan_json(mesh: Mesh, plan: Plan) -> Json:
    """Return the plan as JSON. Shares are parts of 1, and empty where the rules do not say."""
    return {
        "version": VERSION,
        "lane_header": plan.header,
        "virtual_host": plan.domain,
        "path": plan.path,
        "default_status": plan.default_status,
        "lanes": [_lane(lane) for lane in plan.lanes],
        "not_planned": [_not_planned(one) for one in plan.not_planned],
        "other_rules": [
            {"service": one.service, "rule": one.rule, "field": one.place.field}
            for one in plan.other_rules
        ],
        "ports": [
            {"service": one.service, "port": one.port, "others": list(one.others)}
            for one in plan.ports
        ],
        "unset_headers": [
            {"lane": one.name, "header": one.header, "headers": dict(one.headers)}
            for one in plan.unset_headers
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
        "entry_rules": [_entry_rule(rule) for rule in lane.entry_rules],
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
        "error_shares": {str(one.status): one.share for one in hop.failing},
    }


def _entry_rule(rule: EntryRule) -> Json:
    return {
        "headers": dict(rule.headers),
        "host": rule.host,
        "path": rule.path,
        "method": rule.method,
    }


def _not_planned(one: NotPlanned) -> Json:
    return {"rule": one.rule, "reason": one.reason, "message": str(one)}
