"""A VirtualService whose hosts its Gateway does not serve."""

from collections.abc import Iterator

from lanes.lint.absent import declared
from lanes.lint.facts import Facts
from lanes.lint.rule import Found, Rule
from lanes.mesh.hostnames import common, gateway_meant, host_in_manifest
from lanes.reading import kinds
from lanes.reading.manifests import Resource

_Gateway = tuple[Resource, kinds.Gateway]


def check(facts: Facts) -> Iterator[Found]:
    gateways: dict[tuple[str, str], list[_Gateway]] = {}
    for resource, gateway in facts.of(kinds.Gateway):
        gateways.setdefault((resource.namespace, resource.name), []).append((resource, gateway))
    for resource, service in facts.virtual_services:
        names = [name for name in service.spec.gateways if name != "mesh"]
        bound = [gateways.get(gateway_meant(name, resource.namespace), []) for name in names]
        wanted = list(_wanted(service.spec.hosts, resource.namespace))
        if not (bound and all(bound)):
            continue
        served = [host for each in bound for gateway in each for host in _served(gateway, resource)]
        if not common(served, wanted):
            said = ", ".join(dict.fromkeys(served)) or f"nothing of namespace {resource.namespace}"
            yield (
                resource,
                "spec.hosts",
                f"Gateway {', '.join(names)} serves none of them ({said}), so requests for them get"
                " 404; name one that it serves, or let it serve one of these",
            )


def _wanted(hosts: list[str], namespace: str) -> Iterator[str]:
    """A VirtualService's hosts; a short one by its full name as well."""
    for name in hosts:
        host = None if "*" in name else host_in_manifest(name, namespace)
        yield name
        if host:
            yield host.fqdn


def _served(gateway: _Gateway, service: Resource) -> Iterator[str]:
    """The hosts of a Gateway's servers that VirtualServices of this one's namespace may have."""
    resource, body = gateway
    for server in body.spec.servers:
        for text in server.hosts:
            of, _, name = text.rpartition("/")
            of = declared(resource) if of == "." else of
            if of in ("", "*", declared(service)) or not declared(service):
                yield name


RULE = Rule(
    code="TL032",
    name="host-not-served",
    severity="error",
    text="""A Gateway's servers name the hosts that they take, some for one namespace alone
(`shop/*.example.com`). A VirtualService counts there for the hosts that both name. Where there is
none, nothing says so: the gateway answers 404.""",
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
    mended=("shop.example.org", "shop.example.com"),
    check=check,
)
