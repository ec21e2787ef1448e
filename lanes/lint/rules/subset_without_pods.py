"""A subset whose labels no pod has."""

from collections.abc import Iterable, Iterator, Mapping

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Destination
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.mesh.model import Host


def check(facts: Facts) -> Iterator[Violation]:
    first: dict[tuple[Host, str, bool], Destination] = {}
    for one in facts.destinations:
        if one.host and one.live and not one.http.fallback:
            first.setdefault((one.host, one.subset, bool(one.rule.match)), one)
    reported: set[tuple[Host, str]] = set()
    for (host, name, conditional), destination in first.items():
        pods = facts.workloads_of(host)
        for resource, index, subset in facts.subsets.defined(host).get(name, ()) if pods else ():
            # A lane may be strict: its rule names a version that only other services have.
            candidates = facts.workloads if conditional else pods
            if (host, name) in reported or _selects_any(subset.labels, candidates):
                continue
            reported.add((host, name))
            labels = _listed(subset.labels.items())
            present = {(n, pod.labels[n]) for n in subset.labels for pod in pods if n in pod.labels}
            yield (
                resource,
                f"spec.subsets[{index}].labels",
                f"no pod of {host.name} has {labels}"
                f" ({_listed(sorted(present)) or 'none has the label'}),"
                f" so VirtualService {destination.resource.name} gets 503 from subset {name};"
                " correct the label, or deploy the version",
            )


def _selects_any(labels: Mapping[str, str], pods: Iterable[Workload]) -> bool:
    return any(labels.items() <= pod.labels.items() for pod in pods)


def _listed(labels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in labels)


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
