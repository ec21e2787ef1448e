"""A VirtualService for a host that nobody can call."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import in_mesh
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    for resource, service in facts.virtual_services:
        for index, name in enumerate(service.spec.hosts if in_mesh(service) else ()):
            absent = facts.absent_hosts.reason(name, resource)
            if absent:
                problem = absent.sentence("these rules apply to no call in the mesh")
                yield resource, f"spec.hosts[{index}]", problem


RULE = Rule(
    code="TL029",
    name="host-absent",
    severity="warning",
    text="""Sidecars look for rules by the host of a call, and nobody calls a Service that does
not exist. A lane in such rules is no lane. A short name means a Service of the VirtualService's
own namespace, not of the caller's. It is a warning, since the cluster may have the Service.
Where TL028 has a finding, this rule has none.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: search}
spec: {selector: {app: search}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: search}
spec:
  hosts: [serach]
  http:
    - route: [{destination: {host: search}}]
""",
    fix=("[serach]", "[search]"),
    check=check,
)
