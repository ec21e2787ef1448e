"""Ports that bypass the sidecar."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.reading.sidecars import EXCLUDED


def check(facts: Facts) -> Iterator[Violation]:
    ports = {
        port.port: host.name
        for host in facts.rules_by_service
        for port in facts.services[host][1].spec.ports
    }
    for workload in facts.workloads:
        pod = facts.pod_of(workload)
        past = next((port for port in pod.unrouted.ports if port in ports), None) if pod else None
        if past:
            yield (
                workload.resource,
                workload.field(f"metadata.annotations.{EXCLUDED}"),
                f"calls to port {past} go past the sidecar, so {ports[past]} answers them"
                " with any version; remove the port",
            )


RULE = Rule(
    code="TL027",
    name="sidecar-bypassed",
    severity="warning",
    text="""Calls to a port in `excludeOutboundPorts` bypass the sidecar and its rules. If a
Service with lanes has that port, the lane ends at the caller.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    metadata:
      labels: {app: shop, version: v1}
      annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: "3306,8080"}
    spec: {containers: [{name: shop}]}
""",
    fix=('"3306,8080"', '"3306"'),
    check=check,
)
