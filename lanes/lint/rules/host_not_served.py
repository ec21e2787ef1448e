"""A VirtualService whose hosts its Gateway does not serve."""

from collections.abc import Iterator

from lanes.lint.documents import Resource
from lanes.lint.facts import ISTIO, Facts
from lanes.lint.rule import Found, Rule
from lanes.mesh.hostnames import common, host_in_manifest


def check(facts: Facts) -> Iterator[Found]:
    gateways: dict[tuple[str, str], list[Resource]] = {}
    for gateway in facts.of(ISTIO, "Gateway"):
        gateways.setdefault((gateway.namespace, gateway.name), []).append(gateway)
    for service in facts.virtual_services:
        names = [value.text for value in service.spec["gateways"] if value.text != "mesh"]
        bound = [gateways.get(_meant(name, service), []) for name in names]
        wanted = list(_wanted(service))
        if not (wanted and bound and all(bound)):
            continue
        served = [host for each in bound for gateway in each for host in _served(gateway, service)]
        if not common(served, wanted):
            said = ", ".join(dict.fromkeys(served)) or f"nothing of namespace {service.namespace}"
            yield (
                service,
                service.spec["hosts"],
                f"Gateway {', '.join(names)} serves none of them ({said}), so requests for them get"
                " 404; name one that it serves, or let it serve one of these",
            )


def _meant(name: str, service: Resource) -> tuple[str, str]:
    """The namespace and the name of the Gateway that a VirtualService means."""
    namespace, _, plain = name.rpartition("/")
    return (service.namespace if namespace in ("", ".") else namespace), plain


def _wanted(service: Resource) -> Iterator[str]:
    """A VirtualService's hosts; a short one by its full name as well."""
    for value in service.spec["hosts"]:
        host = None if "*" in value.text else host_in_manifest(value.text, service.namespace)
        yield value.text
        if host:
            yield host.fqdn


def _served(gateway: Resource, service: Resource) -> Iterator[str]:
    """The hosts of a Gateway's servers that VirtualServices of this one's namespace may have."""
    for server in gateway.spec["servers"]:
        for value in server["hosts"]:
            of, _, name = value.text.rpartition("/")
            of = gateway.declared if of == "." else of
            if of in ("", "*", service.declared) or not service.declared:
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
