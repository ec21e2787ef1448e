"""The host, method, scheme or path matched as a header."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule

_PSEUDO = {
    "authority": "match.authority",
    "method": "match.method",
    "scheme": "match.scheme",
    "uri": "match.uri",
    "path": "match.uri",
}


def check(facts: Facts) -> Iterator[Violation]:
    for routing, match in facts.matches:
        for header, field in match.header_fields.items():
            if header in _PSEUDO and routing.resource.kind == "VirtualService":
                yield (
                    routing.resource,
                    field,
                    f"no request has a header {header}, so no request matches; write"
                    f" {_PSEUDO[header]}",
                )


RULE = Rule(
    code="TL021",
    name="pseudo-header",
    severity="error",
    text="""The host, the method, the scheme and the path are not headers. A VirtualService
matches each by a field of its own: `authority`, `method`, `scheme`, `uri`.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {method: {exact: GET}}}]
      route: [{destination: {host: shop, subset: v2}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    fix=("{headers: {method: {exact: GET}}}", "{method: {exact: GET}}"),
    check=check,
)
