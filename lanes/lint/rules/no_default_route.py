"""Rules for a lane, and none for other requests."""

from collections import Counter
from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import RuleMatch, at_gateway
from lanes.lint.rule import Rule
from lanes.mesh.matching import Match, covers
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    shares = _virtual_services_by_host(facts)
    for routing in facts.routing:
        body, rules = routing.resource.body, routing.rules
        if not isinstance(body, kinds.VirtualService) or not rules:
            continue
        if not all(rule.matches for rule in rules):
            continue
        matches = [match for rule in rules for match in rule.matches]
        # A match on withoutHeaders takes the requests that have none of these headers.
        defaults = [match.conditions for match in matches if not _required(match)]
        uncovered = [
            match
            for match in matches
            if _required(match) and not _is_partial(match) and not _is_covered(match, defaults)
        ]
        # A gateway merges the rules of another VirtualService for the same host.
        shared = routing.at_gateway and any(shares[host] > 1 for host in body.spec.hosts)
        if uncovered and facts.in_force(routing.resource) and not shared:
            names = dict.fromkeys(name for match in uncovered for name in _required(match))
            yield (
                routing.resource,
                "spec.http",
                f"no rule matches a request without {' and '.join(names)}, so it gets 404; end with"
                " a rule without a match, for the baseline",
            )


def _required(match: RuleMatch) -> tuple[str, ...]:
    """Return the headers and query parameters that a request must have."""
    headers = (name for name in match.conditions.headers if not name.startswith(":"))
    parameters = (f"the parameter {name}" for name in match.conditions.query)
    return (*headers, *match.unknown_headers, *parameters)


def _is_partial(match: RuleMatch) -> bool:
    """Tell whether a match is for some callers, hosts or methods only.

    Another VirtualService may have rules for the others.
    """
    by_host = any(name.startswith(":") for name in match.conditions.headers)
    narrow = match.narrow and not match.unknown_headers
    return narrow or by_host or match.conditions.method is not None


def _is_covered(match: RuleMatch, defaults: list[Match]) -> bool:
    """Tell whether a default takes every request for the path of a match."""
    path = Match(uri=match.conditions.uri)
    return any(covers(Match(uri=default.uri), path) for default in defaults)


def _virtual_services_by_host(facts: Facts) -> Counter[str]:
    """Count the VirtualServices at gateways for each host."""
    return Counter(
        host
        for _, body in facts.virtual_services
        if at_gateway(body)
        for host in set(body.spec.hosts)
    )


RULE = Rule(
    code="TL007",
    name="no-default-route",
    severity="error",
    text="""A request that no rule matches gets 404. If every rule matches a lane's header or a
parameter, every request without a lane gets 404. Add a last rule without a match that leads to
the baseline.""",
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
    fix=(
        "      route: [{destination: {host: cart, subset: v2}}]\n",
        "      route: [{destination: {host: cart, subset: v2}}]\n"
        "    - route: [{destination: {host: cart, subset: v1}}]\n",
    ),
    check=check,
)
