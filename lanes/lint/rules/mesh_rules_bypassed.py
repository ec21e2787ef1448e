"""A gateway that goes past a Service's own rules."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.kinds.http_route import referred
from lanes.reading.manifests import Resource


def check(facts: Facts) -> Iterator[Violation]:
    reported: set[tuple[int, Host]] = set()
    for resource, field, host in _from_gateways(facts):
        if (id(resource), host) in reported or not has_versions(facts, host):
            continue
        rules = (one for one in facts.rules_by_service.get(host, ()) if one is not resource)
        if other := next((one for one in rules if chooses(one, host)), None):
            reported.add((id(resource), host))
            yield (
                resource,
                field,
                f"the rules of {other} apply to callers in the mesh and not to the gateway, so"
                f" any version of {host.name} answers its requests; choose the version here too",
            )


def _from_gateways(facts: Facts) -> Iterator[tuple[Resource, str, Host]]:
    """Yield each Service that a gateway routes to without a subset, with resource and field."""
    for one in facts.destinations:
        if one.routing.at_gateway and one.live and one.host and not one.subset:
            yield one.resource, f"{one.field}.destination.host", one.host
    for resource, route in facts.of(kinds.HTTPRoute):
        if any(ref.of_mesh for ref in route.spec.parent_refs):
            continue
        for number, rule in enumerate(route.spec.rules):
            for index, ref in enumerate(rule.backend_refs):
                host = referred(ref, resource.namespace)
                yield resource, f"spec.rules[{number}].backendRefs[{index}]", host


def has_versions(facts: Facts, host: Host) -> bool:
    """Tell whether a Service has pods with different labels."""
    labels = {tuple(sorted(pod.labels.items())) for pod in facts.workloads_of(host)}
    return len(labels) > 1


def chooses(resource: Resource, host: Host) -> bool:
    """Tell whether the rules for a Service choose among its versions."""
    body = resource.body
    if isinstance(body, kinds.VirtualService):
        targets = [to.destination for rule in body.spec.http for to in rule.route]
        namespace = resource.namespace
        return any(to.subset or host_in_manifest(to.host, namespace) != host for to in targets)
    if isinstance(body, kinds.HTTPRoute):
        return any(ref.name != host.name for rule in body.spec.rules for ref in rule.backend_refs)
    return False


RULE = Rule(
    code="TL036",
    name="mesh-rules-bypassed",
    severity="warning",
    text="""A gateway applies the rules that are bound to it, and no others. Where it routes to a
Service, the rules that the Service has for callers in the mesh do not follow: rules do not chain.
The gateway calls any of the Service's pods.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v1}
spec:
  template:
    metadata: {labels: {app: cart, version: v1}}
    spec: {containers: [{name: cart}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route:
        - {destination: {host: cart, subset: v1}, weight: 90}
        - {destination: {host: cart, subset: v2}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=("[{destination: {host: cart}}]", "[{destination: {host: cart, subset: v1}}]"),
    check=check,
)
