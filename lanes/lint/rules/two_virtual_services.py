"""Several VirtualServices for one host in the mesh."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Found]:
    for host, named in facts.mesh_hosts.items():
        services = {
            id(resource): (resource, body, field) for resource, body, field in reversed(named)
        }
        first, *others = reversed(services.values())
        if any(
            body.spec.export_to or one.lacks("spec.exportTo") for one, body, _ in services.values()
        ):
            continue
        for resource, _, field in others:
            yield (
                resource,
                field,
                f"VirtualService {first[0].name} has rules for {host.name} too, and sidecars use"
                " only the older of the two; merge them",
            )


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
