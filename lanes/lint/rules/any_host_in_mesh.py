"""Host `*` in rules for callers in the mesh."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import in_mesh
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    for resource, service in facts.virtual_services:
        if "*" in service.spec.hosts and in_mesh(service):
            yield (
                resource,
                f"spec.hosts[{service.spec.hosts.index('*')}]",
                "host * is not allowed in the mesh, so the API server refuses this VirtualService;"
                " name the hosts, or remove mesh from the gateways",
            )


RULE = Rule(
    code="TL039",
    name="any-host-in-mesh",
    severity="error",
    text="""A VirtualService without `gateways`, or with `mesh` among them, applies to callers in
the mesh. Istio refuses the host `*` there.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web, mesh]
  http:
    - route: [{destination: {host: shop}}]
""",
    fix=("[istio-system/web, mesh]", "[istio-system/web]"),
    check=check,
)
