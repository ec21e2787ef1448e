"""A destination without a port at a Service with several."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import Leg, gateways_of, in_mesh
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Found]:
    for leg in facts.legs:
        if leg.http.destination.port or leg.host not in facts.services or not leg.live:
            continue
        ports = facts.ports(leg.host)
        missing = [one for one in _called(facts, leg) if one not in ports] if len(ports) > 1 else []
        if missing and not leg.http.fallback:
            listed = ", ".join(map(str, ports))
            yield (
                leg.resource,
                f"{leg.field}.destination",
                f"Service {leg.host.name} has ports {listed}, so a request to port {missing[0]}"
                f" goes to its port {missing[0]}, which it lacks: 503; add port.number",
            )


def _called(facts: Facts, leg: Leg) -> list[int]:
    """Return the ports at which requests meet a rule, as far as manifests tell."""
    found: list[int] = []
    if in_mesh(leg.service):
        hosts = (host_in_manifest(one, leg.resource.namespace) for one in leg.service.spec.hosts)
        found += [port for host in hosts if host in facts.services for port in facts.ports(host)]
    named = gateways_of(leg.resource, leg.service)
    for resource, gateway in facts.of(kinds.Gateway):
        if (resource.namespace, resource.name) in named:
            found += [one.port.number for one in gateway.spec.servers if one.http]
    asked = [match.port for match in leg.rule.match]
    return [port for port in found if not asked or None in asked or port in asked]


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
