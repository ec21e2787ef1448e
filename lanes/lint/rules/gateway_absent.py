"""A Gateway of the same namespace that is not in the manifests."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.rules.gateway_elsewhere import absent
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    names = {resource.name for resource, _ in facts.of(kinds.Gateway)}
    for resource, field, text, (namespace, name) in absent(facts):
        if text == name and name not in names:
            yield (
                resource,
                field,
                f"no Gateway {name} of namespace {namespace} is in these manifests; where the"
                " cluster has none either, requests get 404; add it, or write NAMESPACE/NAME",
            )


RULE = Rule(
    code="TL019",
    name="gateway-absent",
    severity="warning",
    text="""A VirtualService names a Gateway of its own namespace that these manifests do not
hold. The cluster may have it. A Gateway that is named with another namespace is no finding.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [web]
  http:
    - route: [{destination: {host: shop}}]
""",
    fix=("gateways: [web]", "gateways: [istio-system/web]"),
    check=check,
)
