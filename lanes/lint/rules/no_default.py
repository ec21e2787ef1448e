"""Rules for a lane, and none for everybody else."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, at_gateway
from lanes.lint.match import Match, matches_in, rules_of, takes
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value


def check(facts: Facts) -> Iterator[Found]:
    for service in facts.virtual_services:
        rules = rules_of(service)
        if not service.spec["hosts"] or any(not rule["match"] for rule in rules):
            continue
        matches = [match for rule in rules for match in matches_in(rule)]
        # withoutHeaders among them: who has none of these headers is taken.
        defaults = [match for match in matches if not match.asked]
        bare = [m for m in matches if m.asked and not _narrow(m) and not _rest(m, defaults)]
        merged = at_gateway(service) and _others(facts, service.spec)
        if bare and facts.in_force(service) and not merged:
            asked = dict.fromkeys(name for match in bare for name in match.asked)
            yield (
                service,
                service.spec["http"],
                f"no rule takes a request without {' and '.join(asked)}, which gets 404; end with a"
                " rule without a match, for the baseline",
            )


def _narrow(match: Match) -> bool:
    """Whether it is for some callers or methods, whose others another's rules may take."""
    return bool(set(match.others) - {"queryParams", "withoutHeaders"})


def _rest(match: Match, defaults: list[Match]) -> bool:
    """Whether some default takes what `match` leaves of its path."""
    if match.uri is None:
        return bool(defaults)
    return any(
        default.uri is None
        or default.uri == match.uri
        or (default.uri.kind == "prefix" and match.uri.value.startswith(default.uri.value))
        or (match.uri.kind == "exact" and takes(default.uri, match.uri.value))
        for default in defaults
    )


def _others(facts: Facts, spec: Value) -> bool:
    """Whether another VirtualService serves one of the hosts, as gateways merge them."""
    hosts = {value.text for value in spec["hosts"]}
    return any(
        hosts & {value.text for value in other.spec["hosts"]}
        for other in facts.virtual_services
        if other.spec is not spec and at_gateway(other)
    )


RULE = Rule(
    code="TL007",
    name="no-default",
    severity="error",
    text="""A request that no rule matches is answered with 404. Where every rule asks for a
lane's header, or for a parameter, that is everybody who is in no lane. The last rule should have
no match and lead to the baseline.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - match: [{headers: {x-lane: {exact: v2}}}]
      route: [{destination: {host: cart, subset: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - headers: {request: {set: {x-lane: v2}}}
      route: [{destination: {host: shop}}]
---
apiVersion: istio.alibabacloud.com/v1beta1
kind: ASMHeaderPropagation
metadata: {name: lanes}
spec: {headers: [x-lane]}
""",
    mended=(
        "      route: [{destination: {host: cart, subset: v2}}]\n",
        "      route: [{destination: {host: cart, subset: v2}}]\n"
        "    - route: [{destination: {host: cart, subset: v1}}]\n",
    ),
    check=check,
)
