"""A version's Service whose port carries another protocol than the base's."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.kinds.http_route import referred
from lanes.reading.manifests import Resource
from lanes.reading.protocols import says_http2

_PROTOCOLS = {True: "HTTP/2", False: "HTTP/1.1"}


def check(facts: Facts) -> Iterator[Violation]:
    for resource, field, callers, (host, number) in (*_of_routes(facts), *_of_services(facts)):
        port = _port(facts, host, number)
        http2 = says_http2(port) if port else None
        for name, called_http2 in callers:
            if http2 is not None and called_http2 is not None and http2 != called_http2:
                yield (
                    resource,
                    field,
                    f"Service {host.name} says that it carries {_PROTOCOLS[http2]}, and {name},"
                    f" which callers use, {_PROTOCOLS[called_http2]}: requests reach the pods by"
                    " the wrong one; give both ports the same appProtocol",
                )


_Called = list[tuple[str, bool | None]]
"""Services that callers name; whether each says that it carries HTTP/2 (None: it says neither)."""
_Forwarded = tuple[Resource, str, _Called, tuple[Host, int | None]]
"""A resource, the field of a destination, what callers name, and the destination's port."""


def _of_routes(facts: Facts) -> Iterator[_Forwarded]:
    for resource, route in facts.of(kinds.HTTPRoute):
        called = [
            (ref.name, says_http2(port))
            for ref in route.spec.parent_refs
            if ref.of_mesh and (port := _port(facts, referred(ref, resource.namespace), ref.port))
        ]
        for number, rule in enumerate(route.spec.rules):
            for index, ref in enumerate(rule.backend_refs):
                field = f"spec.rules[{number}].backendRefs[{index}]"
                yield resource, field, called, (referred(ref, resource.namespace), ref.port)


def _of_services(facts: Facts) -> Iterator[_Forwarded]:
    """Yield the destinations of VirtualServices.

    A Service with several ports is left out, since callers may use any of them.
    """
    for one in facts.destinations:
        if not one.reached or not one.routing.in_mesh or one.host is None:
            continue
        hosts = (host_in_manifest(h, one.resource.namespace) for h in one.service.spec.hosts)
        called = [
            (host.name, says_http2(ports[0]))
            for host in hosts
            if host in facts.services and host != one.host
            for ports in [facts.services[host][1].spec.ports]
            if len(ports) == 1
        ]
        if called:
            yield one.resource, f"{one.field}.destination.host", called, (one.host, one.port)


def _port(facts: Facts, host: Host, number: int | None) -> kinds.ServicePort | None:
    """Return a Service's port by number, or its first for None; None if it is not known."""
    if host not in facts.services:
        return None
    ports = facts.services[host][1].spec.ports
    return next((port for port in ports if number in (None, port.port)), None)


RULE = Rule(
    code="TL035",
    name="protocol-differs",
    severity="error",
    text="""With HTTPRoutes each version has a Service of its own, and VirtualServices may lead to
one. The mesh calls its pods by the protocol that this Service's port says, by `appProtocol` or by
its name. If the Service that callers use says `grpc` and a version's Service says `http`, gRPC
requests of that version fail.""",
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
