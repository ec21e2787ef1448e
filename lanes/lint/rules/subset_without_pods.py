"""A subset whose labels no pod has."""

from collections.abc import Iterable, Iterator, Mapping

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import Leg
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.mesh.model import Host


def check(facts: Facts) -> Iterator[Found]:
    led: dict[tuple[Host, str, bool], Leg] = {}
    for leg in facts.legs:
        if leg.host and leg.live and not leg.http.fallback and facts.pods(leg.host):
            led.setdefault((leg.host, leg.subset, bool(leg.rule.match)), leg)
    found: dict[tuple[Host, str], Found] = {}
    for (host, name, lanes), leg in led.items():
        pods = facts.pods(host)
        for resource, index, subset in facts.subsets.defined(host).get(name, ()):
            # A lane's rule may lead to a version that other services alone have: it is strict.
            if not _any(subset.labels, facts.workloads if lanes else pods):
                asked = ", ".join(f"{name}: {value}" for name, value in subset.labels.items())
                there = {(n, p.labels[n]) for n in subset.labels for p in pods if n in p.labels}
                listed = ", ".join(f"{name}: {value}" for name, value in sorted(there))
                problem = (
                    f"no pod of {host.name} has {asked} ({listed or 'none has the label'}),"
                    f" so VirtualService {leg.resource.name} gets 503 from subset {name};"
                    " correct the label, or deploy the version"
                )
                field = f"spec.subsets[{index}].labels"
                found.setdefault((host, name), (resource, field, problem))
    yield from found.values()


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
