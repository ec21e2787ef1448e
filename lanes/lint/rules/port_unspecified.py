"""A destination without a port at a Service with several."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Destination, gateways_of
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    for one in facts.destinations:
        if (
            one.port is not None
            or one.host not in facts.services
            or not one.live
            or one.http.fallback
        ):
            continue
        ports = facts.ports(one.host)
        if len(ports) < 2:
            continue
        missing = next((port for port in _called_ports(facts, one) if port not in ports), None)
        if missing:
            yield (
                one.resource,
                f"{one.field}.destination",
                f"Service {one.host.name} has ports {', '.join(map(str, ports))}, so a request to"
                f" port {missing} goes to its port {missing}, which it lacks: 503; add port.number",
            )


def _called_ports(facts: Facts, destination: Destination) -> list[int]:
    """Return the known ports at which requests match a destination's rule."""
    resource, service = destination.resource, destination.service
    found: list[int] = []
    if destination.routing.in_mesh:
        hosts = (host_in_manifest(name, resource.namespace) for name in service.spec.hosts)
        found += [port for host in hosts if host in facts.services for port in facts.ports(host)]
    bound = gateways_of(resource, service)
    for gateway, body in facts.of(kinds.Gateway):
        if (gateway.namespace, gateway.name) in bound:
            found += [server.port.number for server in body.spec.servers if server.http]
    matched = [match.port for match in destination.rule.match]
    return [port for port in found if not matched or None in matched or port in matched]


RULE = Rule(
    code="TL038",
    name="port-unspecified",
    severity="error",
    text="""A destination without a port means the Service's only one. Where the Service has
several, Istio takes the one at which the request came: a gateway's 80, for instance. A Service
that lacks it answers 503.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 8080}, {name: http-admin, port: 9090}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [web]
  http:
    - route: [{destination: {host: cart}}]
""",
    fix=("{host: cart}", "{host: cart, port: {number: 8080}}"),
    check=check,
)
