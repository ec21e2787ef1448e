"""A lane that the plan finds misrouted."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
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

# Rules that explain why a lane is misrouted at a service.
_AT_THE_SERVICE = (
    destination_absent,
    destination_rule_elsewhere,
    failover_without_outlier_detection,
    headless_service,
    hidden_by_export,
    loose_regex,
    mesh_rules_bypassed,
    narrow_match,
    port_not_http,
    rules_without_mesh,
    service_without_pods,
    shadowed_match,
    subset_without_pods,
    undefined_subset,
    unreachable_rule,
    version_label,
)
# Rules that explain why a lane is lost before a service.
_BEFORE_IT = (
    baggage_dropped,
    header_not_propagated,
    no_sidecar,
    not_instrumented,
    sidecar_bypassed,
)


def check(facts: Facts) -> Iterator[Violation]:
    misrouted = [
        (lane.name, hop, hop.misrouted)
        for lane in (facts.plan.lanes if facts.plan else ())
        for hop in lane.path
        if hop.misrouted
    ]
    if not misrouted:
        return
    causes = {id(one): one for r in _AT_THE_SERVICE for one, _, _ in facts.violations(r.check)}
    explained = {host for resource in causes.values() for host in _hosts_of(resource)}
    lost = any(facts.violations(rule.check) for rule in _BEFORE_IT)
    by_name = {(one.source, str(one)): one for one in facts.manifests.resources}
    for lane, hop, why in misrouted:
        place = _place(facts, hop, by_name.get((hop.place.file, hop.place.resource)))
        if place and explained.isdisjoint(hop.hosts) and not (lost and why.reason == Reason.LOST):
            yield (
                *place,
                f"lane {lane} does not get its own version at {hop.service}: {why}; route the"
                " lane there, or remove this version",
            )


def _hosts_of(resource: Resource) -> set[Host | None]:
    """Return the Services that a resource is about; None for a host that is none."""
    body, names = resource.body, {resource.name}
    if isinstance(body, kinds.DestinationRule):
        names = {body.spec.host}
    elif isinstance(body, kinds.VirtualService):
        names = {http.destination.host for rule in body.spec.http for http in rule.route}
        names |= set(body.spec.hosts)
    return {host_in_manifest(name, resource.namespace) for name in names}


def _place(facts: Facts, hop: Hop, resource: Resource | None) -> tuple[Resource, str] | None:
    """Return a hop's rule in `resource`, or else its Service; None if neither is here."""
    if resource:
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
