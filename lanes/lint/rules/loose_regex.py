"""An expression that also matches other lanes' names."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.examples import example
from lanes.mesh.matching import StringMatch, holds


def check(facts: Facts) -> Iterator[Violation]:
    for routing, match in facts.matches:
        for header, wanted in match.conditions.headers.items():
            caught = _other_member(wanted) if wanted.kind == "regex" else None
            if caught:
                yield (
                    routing.resource,
                    match.header_fields.get(header, match.field),
                    f"takes {caught} as well; say where the member ends and begins:"
                    r" (.*,)?\s*NAME\s*=\s*VALUE\s*([;,].*)?",
                )


def _other_member(wanted: StringMatch) -> str | None:
    """Return another member that an expression for NAME=VALUE matches; None if there is none."""
    member = example(wanted)
    if not member or "=" not in member or not member[-1].isalnum():
        return None
    if holds(wanted, member.partition("=")[0] + "=~"):
        return None  # it takes any value
    others = (member + "0", "x" + member)
    return next((other for other in others if holds(wanted, other)), None)


RULE = Rule(
    code="TL011",
    name="loose-regex",
    severity="warning",
    text=r"""A header such as `baggage` or `cookie` is a list. An expression that does not say
where its member ends also matches other members: `.*version=v1.*` matches `version=v10` and
`subversion=v1`. Envoy matches the whole value, so write
`(.*,)?\s*version\s*=\s*v1\s*([;,].*)?`.""",
    bad="""
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart-v1}
spec:
  parentRefs: [{group: "", kind: Service, name: cart}]
  rules:
    - matches:
        - headers:
            - {name: baggage, type: RegularExpression, value: '.*version=v1.*'}
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: {set: [{name: baggage, value: version=v1}]}
      backendRefs: [{name: cart-v1, port: 80}]
""",
    fix=(".*version=v1.*", r"(.*,)?\s*version\s*=\s*v1\s*([;,].*)?"),
    check=check,
)
