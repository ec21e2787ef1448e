"""A lane that the plan finds misrouted."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.lint.rules import (
    baggage_dropped,
    destination_absent,
    destination_rule_elsewhere,
    failover_without_outlier_detection,
    header_not_propagated,
    headless_service,
    hidden_by_export,
    loose_regex,
    mesh_rules_bypassed,
    narrow_match,
    no_sidecar,
    not_instrumented,
    port_not_http,
    rules_without_mesh,
    service_without_pods,
    shadowed_match,
    sidecar_bypassed,
    subset_without_pods,
    undefined_subset,
    unreachable_rule,
    version_label,
)
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.planning.hop import Hop, Reason
from lanes.reading import kinds
from lanes.reading.manifests import Resource

_AT_THE_SERVICE = (
    *(
        version_label,
        port_not_http,
        subset_without_pods,
        headless_service,
        loose_regex,
        shadowed_match,
    ),
    *(unreachable_rule, undefined_subset, destination_rule_elsewhere, service_without_pods),
    *(destination_absent, failover_without_outlier_detection, hidden_by_export),
    *(mesh_rules_bypassed, narrow_match, rules_without_mesh),
)
_BEFORE_IT = (
    *(no_sidecar, header_not_propagated, baggage_dropped, sidecar_bypassed, not_instrumented),
)


def check(facts: Facts) -> Iterator[Found]:
    misrouted = [
        (lane.name, hop, hop.misrouted)
        for lane in (facts.plan.lanes if facts.plan else ())
        for hop in lane.path
        if hop.misrouted
    ]
    causes = [one for rule in _AT_THE_SERVICE for one, _, _ in facts.found(rule.check)]
    reported = {host for resource in causes for host in _concerns(resource)}
    lost = any(facts.found(rule.check) for rule in _BEFORE_IT)
    for lane, hop, why in misrouted:
        place = _place(facts, hop)
        if place and reported.isdisjoint(hop.hosts) and not (lost and why.reason == Reason.LOST):
            yield (
                *place,
                f"lane {lane} does not get its own version at {hop.service}: {why}; route the"
                " lane there, or remove this version",
            )


def _concerns(resource: Resource) -> set[Host | None]:
    """Return the Services that a resource is about; None for another host."""
    body, names = resource.body, [resource.name]
    if isinstance(body, kinds.DestinationRule):
        names = [body.spec.host]
    elif isinstance(body, kinds.VirtualService):
        legs = (leg for rule in body.spec.http for leg in rule.route)
        names = [*body.spec.hosts, *(leg.destination.host for leg in legs)]
    return {host_in_manifest(name, resource.namespace) for name in names}


def _place(facts: Facts, hop: Hop) -> tuple[Resource, str] | None:
    """Return the rule that misroutes, or the Service that has none; None: neither is here."""
    for resource in facts.manifests.resources:
        if (resource.source, str(resource)) == (hop.place.file, hop.place.resource):
            return resource, hop.place.field
    services = (facts.services[host][0] for host in hop.hosts if host in facts.services)
    return next(((service, "spec") for service in services), None)


RULE = Rule(
    code="TL034",
    name="misrouted-lane",
    severity="warning",
    text="""`lanes plan` marks it: a lane's version runs at a service, and another version
answers the lane's requests. This rule has a finding if no other rule finds the cause. It is a
warning, since a version may run before any request is led to it.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {x-lane: {exact: v2}}}]
      headers: {request: {set: {baggage: version=v2}}}
      route: [{destination: {host: shop, subset: v1}}]
    - headers: {request: {set: {baggage: version=v1}}}
      route: [{destination: {host: shop, subset: v1}}]
""",
    fix=(
        """version=v2}}}
      route: [{destination: {host: shop, subset: v1}}]
""",
        """version=v2}}}
      route: [{destination: {host: shop, subset: v2}}]
""",
    ),
    check=check,
)
