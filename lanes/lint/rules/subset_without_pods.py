"""A subset whose labels no pod has."""

from collections.abc import Iterable, Iterator, Mapping

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.mesh.model import Host


def check(facts: Facts) -> Iterator[Found]:
    seen: set[tuple[Host, str, bool]] = set()
    reported: set[tuple[Host, str]] = set()
    for leg in facts.legs:
        pods = facts.pods(leg.host)
        if not leg.host or not leg.subset or not leg.live or leg.http.fallback or not pods:
            continue
        # A lane's rule may lead to a version that other services alone have: it is strict.
        lanes = bool(leg.rule.match)
        if (leg.host, leg.subset, lanes) in seen or (leg.host, leg.subset) in reported:
            continue
        seen.add((leg.host, leg.subset, lanes))
        for resource, index, subset in facts.subsets.defined(leg.host).get(leg.subset, ()):
            if _any(subset.labels, facts.workloads if lanes else pods):
                continue
            reported.add((leg.host, leg.subset))
            asked = ", ".join(f"{name}: {value}" for name, value in subset.labels.items())
            there = {(n, p.labels[n]) for n in subset.labels for p in pods if n in p.labels}
            listed = ", ".join(f"{name}: {value}" for name, value in sorted(there))
            yield (
                resource,
                f"spec.subsets[{index}].labels",
                f"no pod of {leg.host.name} has {asked} ({listed or 'none has the label'}),"
                f" so VirtualService {leg.resource.name} gets 503 from subset {leg.subset};"
                " correct the label, or deploy the version",
            )
            break


def _any(labels: Mapping[str, str], pods: Iterable[Workload]) -> bool:
    return any(labels.items() <= pod.labels.items() for pod in pods)


RULE = Rule(
    code="TL009",
    name="subset-without-pods",
    severity="error",
    text="""A subset that selects no pod has no endpoints, so requests to it get 503. The label
is misspelled, or the version is not deployed.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    metadata: {labels: {app: cart, version: v1}}
    spec: {containers: [{name: cart}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: "1"}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, subset: v1}}]
""",
    fix=('labels: {version: "1"}', "labels: {version: v1}"),
    check=check,
)
