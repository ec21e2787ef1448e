"""A match on a cookie or a user agent that real values do not fit."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.examples import example
from lanes.mesh.matching import StringMatch, holds


def check(facts: Facts) -> Iterator[Violation]:
    for routing, match in facts.matches:
        for header, wanted in match.conditions.headers.items():
            missed = _missed(header, wanted)
            if missed:
                yield (
                    routing.resource,
                    match.header_fields.get(header, match.field),
                    f'Envoy matches the whole value, so "{missed}" does not match;'
                    f" {_INSTEAD[header]}",
                )


_INSTEAD = {
    "cookie": r"write the regex (.*;)?\s*NAME=VALUE\s*(;.*)?",
    "user-agent": "write the regex .*NAME.*",
}


def _missed(header: str, wanted: StringMatch) -> str:
    """Return a real value that has the wanted part and does not match; "" for none."""
    part = (example(wanted) or "").strip("; ")
    if header == "cookie" and "=" in part:
        values = [f"a=1; {part}", f"{part}; a=1"]
    elif header == "user-agent" and part and wanted.kind == "regex" and holds(wanted, part):
        values = [f"Mozilla/5.0 {part}", f"{part} Safari/537.36"]
        return "" if any(holds(wanted, one) for one in values) else values[0]
    else:
        return ""
    return next((one for one in values if not holds(wanted, one)), "")


RULE = Rule(
    code="TL040",
    name="narrow-match",
    severity="warning",
    text=r"""A browser sends all of its cookies in one header, as `a=1; b=2`, with a space after
each `;`. Its user agent is a long text. An exact value, or an expression without room for the
rest, matches neither.""",
    bad=r"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {cookie: {regex: '^(.*?;)?(user=beta)(;.*)?$'}}}]
      route: [{destination: {host: shop, subset: v2}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    fix=("'^(.*?;)?(user=beta)(;.*)?$'", r"'(.*;)?\s*user=beta\s*(;.*)?'"),
    check=check,
)
