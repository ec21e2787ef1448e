"""Several VirtualServices for one host in the mesh."""

from collections.abc import Iterator

from lanes.lint.documents import Resource
from lanes.lint.facts import Facts
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value


def check(facts: Facts) -> Iterator[Found]:
    for host, named in facts.mesh_hosts.items():
        services: dict[tuple[str, ...], tuple[Resource, Value]] = {}
        for service, value in named:
            services.setdefault(service.identity, (service, value))
        if any(service.spec["exportTo"] for service, _ in services.values()):
            continue
        (first, _), *others = services.values()
        for service, value in others:
            yield (
                service,
                value,
                f"VirtualService {first.name} has rules for {host.name} too, and sidecars obey the"
                " older of the two alone; make them one",
            )


RULE = Rule(
    code="TL020",
    name="two-virtual-services",
    severity="error",
    text="""Gateways merge the VirtualServices of a host; sidecars don't. In the mesh the older
one counts, and a lane that is in the other is no lane. For a lane that is a file of its own, use
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
    mended=(
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
