"""A mirror of requests to what is not there."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.reading.kinds.virtual_services import MirrorTarget
from lanes.reading.manifests import Resource


def check(facts: Facts) -> Iterator[Violation]:
    for resource, service in facts.virtual_services:
        for number, rule in enumerate(service.spec.http):
            field = f"spec.http[{number}]"
            targets = [(f"{field}.mirror", rule.mirror)] if rule.mirror else []
            targets += [
                (f"{field}.mirrors[{index}].destination", one.destination)
                for index, one in enumerate(rule.mirrors)
            ]
            for where, target in targets:
                if why := _absent(facts, resource, target):
                    yield resource, where, f"{why}, so no copy arrives; mirror to what is there"


def _absent(facts: Facts, resource: Resource, target: MirrorTarget) -> str:
    """Return why nothing answers at a mirror; "" where something may."""
    host = host_in_manifest(target.host, resource.namespace)
    rules = facts.subsets.rules(host) if host else []
    if host is None or not (rules or host in facts.services):
        absent = facts.absent_hosts.reason(target.host, resource)
        return absent.why if absent else ""
    if not target.subset:
        return ""
    defined = facts.subsets.defined(host)
    if any(one.lacks("spec.subsets") for one, _ in rules):
        return ""
    if target.subset not in defined:
        return f"no DestinationRule for {host.name} has subset {target.subset}"
    labels = [subset.labels.items() for _, _, subset in defined[target.subset]]
    pods = facts.workloads_of(host)
    if pods and not any(one <= pod.labels.items() for one in labels for pod in pods):
        return f"no pod of {host.name} is in subset {target.subset}"
    return ""


RULE = Rule(
    code="TL041",
    name="mirror-absent",
    severity="warning",
    text="""Copies of requests that lead nowhere are dropped, and nothing says so: callers get the
answers of the other destinations. The version that is tried so gets no request.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
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
    - route: [{destination: {host: cart, subset: v1}}]
      mirror: {host: cart, subset: v3}
""",
    fix=("subset: v3", "subset: v2"),
    check=check,
)
