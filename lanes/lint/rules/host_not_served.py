"""A VirtualService whose hosts its Gateway does not serve."""

from collections.abc import Iterator

from lanes.lint.absent import declared
from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import gateways_of
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import Served, host_in_manifest
from lanes.reading import kinds
from lanes.reading.manifests import Resource

_Key = tuple[str, str]
"""A Gateway's namespace and name."""


def check(facts: Facts) -> Iterator[Violation]:
    gateways: dict[_Key, list[tuple[Resource, kinds.Gateway]]] = {}
    for resource, gateway in facts.of(kinds.Gateway):
        gateways.setdefault((resource.namespace, resource.name), []).append((resource, gateway))
    taken: dict[tuple[_Key, str], Served] = {}
    for resource, service in facts.virtual_services:
        meant = gateways_of(resource, service)
        if not meant or not all(key in gateways for key in meant):
            continue
        of = declared(resource)
        for key in meant:
            if (key, of) not in taken:
                taken[key, of] = Served(h for one in gateways[key] for h in _served(*one, of))
        wanted = list(_wanted(service.spec.hosts, resource.namespace))
        if not any(taken[key, of].common(wanted) for key in meant):
            hosts = dict.fromkeys(host for key in meant for host in taken[key, of])
            names = ", ".join(name for _, name in meant)
            said = ", ".join(hosts) or f"nothing of namespace {resource.namespace}"
            yield (
                resource,
                "spec.hosts",
                f"Gateway {names} serves none of them ({said}), so requests for them get"
                " 404; name one that it serves, or let it serve one of these",
            )


def _wanted(hosts: list[str], namespace: str) -> Iterator[str]:
    """Yield a VirtualService's hosts; a Service also by its full name."""
    for name in hosts:
        host = host_in_manifest(name, namespace)
        yield name
        if host:
            yield host.fqdn


def _served(resource: Resource, gateway: kinds.Gateway, namespace: str) -> Iterator[str]:
    """Yield the hosts that a Gateway serves for VirtualServices of a namespace; "" means any."""
    for server in gateway.spec.servers:
        for text in server.hosts:
            of, _, name = text.rpartition("/")
            of = declared(resource) if of == "." else of
            if of in ("", "*", namespace) or not namespace:
                yield name


RULE = Rule(
    code="TL032",
    name="host-not-served",
    severity="error",
    text="""A Gateway's servers name the hosts that they accept, some for one namespace alone
(`shop/*.example.com`). A VirtualService applies there to the hosts that both name. If there is
none, no message says so, and the gateway answers 404.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [shop.example.org]
  gateways: [web]
  http:
    - route: [{destination: {host: shop}}]
""",
    fix=("shop.example.org", "shop.example.com"),
    check=check,
)
