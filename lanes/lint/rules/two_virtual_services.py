"""Several VirtualServices for one host in the mesh."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import in_mesh
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import meant
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.exported import is_restricted
from lanes.reading.manifests import Resource


def check(facts: Facts) -> Iterator[Violation]:
    for host, named in _by_host(facts).items():
        services = {id(r): (r, body.spec.export_to, field) for r, body, field in reversed(named)}
        before: list[tuple[Resource, set[str]]] = []
        for resource, exports, field in reversed(services.values()):
            seen = _seen(resource, exports)
            first = next((one for one, places in before if places & seen), None)
            before.append((resource, seen))
            if first:
                yield (
                    resource,
                    field,
                    f"VirtualService {_named(first, resource)} has rules for {host.name} too, and"
                    " sidecars apply only the older of the two; merge them",
                )


_Named = tuple[Resource, kinds.VirtualService, str]
"""A VirtualService, and the field of one of its hosts."""


def _by_host(facts: Facts) -> dict[Host, list[_Named]]:
    """Return the VirtualServices for callers in the mesh by each host, be it no Service's."""
    found: dict[Host, list[_Named]] = {}
    for resource, body in facts.virtual_services:
        for index, name in enumerate(body.spec.hosts if in_mesh(body) else ()):
            host = meant(name, resource.namespace)
            found.setdefault(host, []).append((resource, body, f"spec.hosts[{index}]"))
    return found


def _seen(resource: Resource, export_to: list[str]) -> set[str]:
    """Return the namespaces that a resource is exported to by name, or "*": to all.

    What is exported by name comes before what is exported to all.
    """
    if not is_restricted(export_to):
        return {"*"}
    return {resource.namespace if name == "." else name for name in export_to} - {"~"}


def _named(other: Resource, resource: Resource) -> str:
    """Return the name of a resource, with its namespace where that is another."""
    if other.namespace == resource.namespace:
        return other.name
    return f"{other.name} of namespace {other.namespace}"


RULE = Rule(
    code="TL020",
    name="two-virtual-services",
    severity="error",
    text="""Gateways merge the VirtualServices of a host; sidecars do not. In the mesh only the
older one counts, so a lane in the other is no lane. If each lane is a file of its own, use
HTTPRoutes, which merge.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart-v2}
spec:
  hosts: [cart.default.svc.cluster.local]
  http:
    - match: [{uri: {prefix: /v2}}]
      route: [{destination: {host: cart, subset: v2}}]
    - route: [{destination: {host: cart, subset: v1}}]
""",
    fix=(
        """    - route: [{destination: {host: cart, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart-v2}
spec:
  hosts: [cart.default.svc.cluster.local]
  http:
""",
        "",
    ),
    check=check,
)
