"""A rule or a subset that `exportTo` hides from those who need it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import Leg, at_gateway, gateways_of
from lanes.lint.rule import Rule
from lanes.reading import kinds
from lanes.reading.exported import level_in
from lanes.reading.manifests import Resource

_Homes = Mapping[tuple[str, str], list[str]]


def check(facts: Facts) -> Iterator[Found]:
    homes = _homes(facts)
    for resource, service in facts.virtual_services:
        for namespace in _namespaces(resource, service, homes):
            if not _sees(namespace, resource, service.spec.export_to):
                yield (
                    resource,
                    "spec.exportTo",
                    f"the gateway is in namespace {namespace}, which these rules are not exported"
                    f" to, so requests there get 404; add {namespace}",
                )
    workloads = Counter(workload.resource.namespace for workload in facts.workloads)
    found: set[tuple[str, str, str]] = set()
    for leg in facts.legs:
        for namespace in _callers(facts, leg, homes, workloads) if leg.live else ():
            rule = _hidden(facts, leg, namespace)
            key = (str(leg.host), leg.subset, namespace)
            if rule and key not in found:
                found.add(key)
                yield (
                    rule,
                    "spec.exportTo",
                    f"callers in namespace {namespace} do not see this, so VirtualService"
                    f" {leg.resource.name} gets 503 from subset {leg.subset} there;"
                    f" add {namespace}",
                )


def _homes(facts: Facts) -> dict[tuple[str, str], list[str]]:
    """Return the namespaces of the pods of each Gateway, by its namespace and name."""
    found: dict[tuple[str, str], list[str]] = {}
    by_selector: dict[frozenset[tuple[str, str]], list[str]] = {}
    for resource, body in facts.of(kinds.Gateway):
        selector = frozenset(body.spec.selector.items())
        if selector not in by_selector:
            pods = (w for w in facts.workloads if selector <= w.labels.items()) if selector else ()
            by_selector[selector] = list(dict.fromkeys(w.resource.namespace for w in pods))
        found[resource.namespace, resource.name] = by_selector[selector]
    return found


def _namespaces(resource: Resource, service: kinds.VirtualService, homes: _Homes) -> list[str]:
    """Return the namespaces of the gateways that a VirtualService is bound to, by their pods."""
    meant = gateways_of(resource, service)
    return list(dict.fromkeys(home for key in meant for home in homes.get(key) or [key[0]]))


def _callers(facts: Facts, leg: Leg, homes: _Homes, workloads: Mapping[str, int]) -> list[str]:
    """Return the namespaces from which requests meet a rule, as far as manifests tell.

    `workloads`: how many each namespace has. A Service's own pods do not call it.
    """
    if at_gateway(leg.service):
        return _namespaces(leg.resource, leg.service, homes)
    own = Counter(workload.resource.namespace for workload in facts.pods(leg.host))
    callers = (name for name, number in workloads.items() if number > own[name])
    exports = leg.service.spec.export_to
    return sorted(name for name in callers if _sees(name, leg.resource, exports))


def _sees(namespace: str, resource: Resource, export_to: list[str]) -> bool:
    return level_in(export_to, resource.namespace, namespace) is not None


def _hidden(facts: Facts, leg: Leg, namespace: str) -> Resource | None:
    """Return what defines a subset, where a namespace sees none that does."""
    if leg.host is None:
        return None
    found = facts.subsets.defined(leg.host).get(leg.subset, [])
    defining = {id(resource): resource for resource, _, _ in found}
    rules = [one for one in facts.subsets.rules(leg.host) if id(one[0]) in defining]
    if any(_sees(namespace, one, rule.spec.export_to) for one, rule in rules):
        return None
    return next((one for one, _ in rules), None)


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
