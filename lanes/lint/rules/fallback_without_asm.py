"""ASM's `fallback` on another mesh."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Destination
from lanes.lint.rule import Rule
from lanes.reading.providers import has_asm_resources


def check(facts: Facts) -> Iterator[Violation]:
    if has_asm_resources(facts.manifests):
        return
    first: dict[int, Destination] = {}
    for destination in facts.destinations:
        if destination.http.fallback:
            first.setdefault(id(destination.resource), destination)
    for destination in first.values():
        yield (
            destination.resource,
            f"{destination.field}.fallback",
            "only Alibaba Cloud Service Mesh has fallback; upstream Istio drops it, and a"
            " lane without pods gets 503; use failoverPriority there (docs/istio.md)",
        )


RULE = Rule(
    code="TL025",
    name="fallback-without-asm",
    severity="warning",
    text="""`fallback` is a field of Alibaba Cloud Service Mesh. On upstream Istio the API
server rejects or drops it. No other resource here is ASM's, so the mesh may be another one.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route:
        - destination: {host: cart, subset: v2}
          fallback: {target: {host: cart, subset: v1}}
""",
    fix=("          fallback: {target: {host: cart, subset: v1}}\n", ""),
    check=check,
)
