"""The host, path, method or scheme, matched by the name that HTTP/2 gives it."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule

_FIELDS = {
    "host": "match.authority",
    ":authority": "match.authority",
    ":path": "match.uri",
    ":method": "match.method",
    ":scheme": "match.scheme",
}


def check(facts: Facts) -> Iterator[Violation]:
    for routing, match in facts.matches:
        for name in (*match.unknown_headers, *match.header_fields):
            field = _FIELDS.get(name.lower())
            if field and routing.resource.kind == "VirtualService":
                yield (
                    routing.resource,
                    match.header_fields.get(name.lower(), f"{match.field}.headers.{name}"),
                    f"only Envoy knows {name} as a header, and other tools do not plan this"
                    f" rule; write {field}",
                )


RULE = Rule(
    code="TL047",
    name="request-line-as-header",
    severity="warning",
    text="""Envoy keeps the host, the path, the method and the scheme as headers whose names begin
with a colon, and takes `Host` for `:authority`. `:path` has the query too. A VirtualService
matches each by a field of its own, which says what is meant.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {Host: {exact: v2.example.com}}}]
      route: [{destination: {host: shop, subset: v2}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    fix=("{headers: {Host: {exact: v2.example.com}}}", "{authority: {exact: v2.example.com}}"),
    check=check,
)
