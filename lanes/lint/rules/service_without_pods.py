"""A Service that does not select its pods."""

from collections.abc import Iterator, Mapping

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.mesh.model import Host


def check(facts: Facts) -> Iterator[Violation]:
    for host in facts.routed_services:
        if facts.workloads_of(host):
            continue
        resource, service = facts.services[host]
        selector = service.spec.selector
        meant = next((w for w in facts.workloads if _meant(w, host, selector)), None)
        lacking = sorted(selector.items() - meant.labels.items()) if meant else []
        if meant and lacking:
            said = ", ".join(f"{name}: {value}" for name, value in lacking)
            yield (
                resource,
                "spec.selector",
                f"selects no pod here: those of {meant.resource} lack {said}, so requests get"
                " 503; correct the selector or the labels",
            )


def _meant(workload: Workload, host: Host, selector: Mapping[str, str]) -> bool:
    """Tell whether a workload has the Service's name, or one of the labels that it asks for."""
    if workload.resource.namespace != host.namespace:
        return False
    name = workload.resource.name
    return (
        name == host.name
        or name.startswith(f"{host.name}-v")
        or ("app", selector.get("app")) in workload.labels.items()
    )


RULE = Rule(
    code="TL023",
    name="service-without-pods",
    severity="warning",
    text="""A Service selects the pods that have all labels of its selector. If the pods with
the Service's name lack one of them, it has no endpoints.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: carts}, ports: [{name: http, port: 80}]}
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
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=("app: carts", "app: cart"),
    check=check,
)
