"""What a request has beside its headers, matched as a header."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.match import matches_of
from lanes.lint.rule import Found, Rule

_PSEUDO = {
    "authority": "match.authority",
    "method": "match.method",
    "scheme": "match.scheme",
    "uri": "match.uri",
    "path": "match.uri",
}


def check(facts: Facts) -> Iterator[Found]:
    for service in facts.virtual_services:
        for match in matches_of(service):
            for header in match.headers:
                if header in _PSEUDO:
                    yield (
                        service,
                        match.fields[header],
                        f"no request has a header {header}, so this rule takes none; write"
                        f" {_PSEUDO[header]}",
                    )


RULE = Rule(
    code="TL021",
    name="pseudo-header",
    severity="error",
    text="""The host, the method, the scheme and the path are no headers. A VirtualService
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
    mended=("{headers: {method: {exact: GET}}}", "{method: {exact: GET}}"),
    check=check,
)
