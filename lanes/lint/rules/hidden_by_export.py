"""A rule or a subset that `exportTo` hides from those who need it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Destination, gateways_of
from lanes.lint.rule import Rule
from lanes.lint.subsets import DestinationRule
from lanes.reading import kinds
from lanes.reading.exported import is_restricted, level_in
from lanes.reading.manifests import Resource

_GatewayNamespaces = Mapping[tuple[str, str], list[str]]
"""The namespaces of a Gateway's pods, by the namespace and name of the Gateway."""


def check(facts: Facts) -> Iterator[Violation]:
    of_gateways = _namespaces_of_gateways(facts)
    for resource, service in facts.virtual_services:
        for namespace in _namespaces(resource, service, of_gateways):
            if not _sees(namespace, resource, service.spec.export_to):
                yield (
                    resource,
                    "spec.exportTo",
                    f"the gateway is in namespace {namespace}, which these rules are not exported"
                    f" to, so requests there get 404; add {namespace}",
                )
    workloads = Counter(workload.resource.namespace for workload in facts.workloads)
    reported: set[tuple[str, str, str]] = set()
    for one in facts.destinations:
        rules = _restricted(facts, one) if one.live else []
        for namespace in _callers(facts, one, of_gateways, workloads) if rules else ():
            key = (str(one.host), one.subset, namespace)
            visible = (_sees(namespace, rule, body.spec.export_to) for rule, body in rules)
            if key not in reported and not any(visible):
                reported.add(key)
                yield (
                    rules[0][0],
                    "spec.exportTo",
                    f"callers in namespace {namespace} do not see this, so VirtualService"
                    f" {one.resource.name} gets 503 from subset {one.subset} there;"
                    f" add {namespace}",
                )


def _namespaces_of_gateways(facts: Facts) -> _GatewayNamespaces:
    found: dict[tuple[str, str], list[str]] = {}
    by_selector: dict[frozenset[tuple[str, str]], list[str]] = {}
    for resource, body in facts.of(kinds.Gateway):
        selector = frozenset(body.spec.selector.items())
        if selector not in by_selector:
            pods = (w for w in facts.workloads if selector <= w.labels.items()) if selector else ()
            by_selector[selector] = list(dict.fromkeys(w.resource.namespace for w in pods))
        found[resource.namespace, resource.name] = by_selector[selector]
    return found


def _namespaces(
    resource: Resource, service: kinds.VirtualService, of_gateways: _GatewayNamespaces
) -> list[str]:
    """Return the namespaces of a VirtualService's gateways: of their pods, or else of the names."""
    bound = gateways_of(resource, service)
    return list(dict.fromkeys(name for key in bound for name in of_gateways.get(key) or [key[0]]))


def _restricted(facts: Facts, destination: Destination) -> list[DestinationRule]:
    """Return the DestinationRules that define a destination's subset; [] if one is for all."""
    if destination.host is None:
        return []
    defined = facts.subsets.defined(destination.host).get(destination.subset, [])
    defining = {id(resource) for resource, _, _ in defined}
    rules = [rule for rule in facts.subsets.rules(destination.host) if id(rule[0]) in defining]
    restricted = all(is_restricted(body.spec.export_to) for _, body in rules)
    return rules if restricted else []


def _callers(
    facts: Facts,
    destination: Destination,
    of_gateways: _GatewayNamespaces,
    workloads: Mapping[str, int],
) -> list[str]:
    """Return the namespaces with known callers of a destination's rule.

    `workloads`: the number of workloads in each namespace. A Service's own pods do not call it.
    """
    resource, service = destination.resource, destination.service
    if destination.routing.at_gateway:
        return _namespaces(resource, service, of_gateways)
    own = Counter(one.resource.namespace for one in facts.workloads_of(destination.host))
    callers = (name for name, number in workloads.items() if number > own[name])
    return sorted(name for name in callers if _sees(name, resource, service.spec.export_to))


def _sees(namespace: str, resource: Resource, export_to: list[str]) -> bool:
    return level_in(export_to, resource.namespace, namespace) is not None


RULE = Rule(
    code="TL037",
    name="hidden-by-export",
    severity="warning",
    text="""`exportTo` names the namespaces that see a VirtualService or a DestinationRule. A
gateway in another namespace does not have the rules and answers 404. A caller in another
namespace does not have the subsets and gets 503. A gateway whose pods are not here counts as one
of its Gateway's namespace.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  exportTo: ["."]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=('["."]', '[".", istio-system]'),
    check=check,
)
