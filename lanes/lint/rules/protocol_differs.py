"""A version's Service whose port carries another protocol than the base's."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.protocols import says_http2

_PROTOCOLS = {True: "HTTP/2", False: "HTTP/1.1"}


def check(facts: Facts) -> Iterator[Found]:
    for resource, route in facts.of(kinds.HTTPRoute):
        own = resource.namespace
        parents = [
            (ref.name, says_http2(port))
            for ref in route.spec.parent_refs
            if ref.of_mesh
            and (port := _port(facts, Host(ref.name, ref.namespace or own), ref.port))
        ]
        for number, rule in enumerate(route.spec.rules):
            for index, ref in enumerate(rule.backend_refs):
                port = _port(facts, Host(ref.name, ref.namespace or own), ref.port)
                said = says_http2(port) if port else None
                for name, carried in parents:
                    if said is not None and carried is not None and said != carried:
                        yield (
                            resource,
                            f"spec.rules[{number}].backendRefs[{index}]",
                            f"Service {ref.name} says that it carries {_PROTOCOLS[said]}, and"
                            f" {name}, which callers use, {_PROTOCOLS[carried]}: requests reach the"
                            " pods by the wrong one; give both ports the same appProtocol",
                        )


def _port(facts: Facts, host: Host, number: int | None) -> kinds.ServicePort | None:
    """Return the port of a Service, by its number or else the first; None: it is not known."""
    if host not in facts.services:
        return None
    ports = facts.services[host][1].spec.ports
    return next((port for port in ports if number in (None, port.port)), None)


RULE = Rule(
    code="TL035",
    name="protocol-differs",
    severity="error",
    text="""With HTTPRoutes each version has a Service of its own. The mesh calls its pods by the
protocol that this Service's port says, by `appProtocol` or by its name. If the Service that
callers use says `grpc` and a version's Service says `http`, gRPC requests of that version fail.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: grpc, port: 7070}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart-v2}
spec: {selector: {app: cart, version: v2}, ports: [{name: http, port: 7070}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart-v2}
spec:
  parentRefs: [{group: "", kind: Service, name: cart, port: 7070}]
  rules:
    - backendRefs: [{name: cart-v2, port: 7070}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec:
  selector: {matchLabels: {app: cart, version: v2}}
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart, ports: [{containerPort: 7070}]}]}
""",
    fix=("[{name: http, port: 7070}]", "[{name: http, appProtocol: grpc, port: 7070}]"),
    check=check,
)
