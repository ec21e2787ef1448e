"""Rules for a lane, and none for other requests."""

from collections import Counter
from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.routing import Asked, at_gateway
from lanes.lint.rule import Rule
from lanes.mesh.matching import Match, covers
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Found]:
    merged = _merged(facts)
    for one in facts.routing:
        served = [rule.asked for rule in one.rules]
        body = one.resource.body
        if not isinstance(body, kinds.VirtualService) or not served or not all(served):
            continue
        matches = [asked for rule in served for asked in rule]
        # withoutHeaders among them: who has none of these headers is taken.
        defaults = [asked.match for asked in matches if not _wanted(asked)]
        bare = [m for m in matches if _wanted(m) and not _narrow(m) and not _rest(m, defaults)]
        # Another VirtualService for one of its hosts at a gateway, whose rules count too.
        shared = one.at_gateway and any(merged[host] > 1 for host in body.spec.hosts)
        if bare and facts.in_force(one.resource) and not shared:
            asked = dict.fromkeys(name for match in bare for name in _wanted(match))
            yield (
                one.resource,
                "spec.http",
                f"no rule matches a request without {' and '.join(asked)}, so it gets 404; end with"
                " a rule without a match, for the baseline",
            )


def _wanted(asked: Asked) -> tuple[str, ...]:
    """What a request has to have that few have: headers, and parameters of its query."""
    own = (name for name in asked.match.headers if not name.startswith(":"))
    return (*own, *asked.unknown, *(f"the parameter {name}" for name in asked.match.query))


def _narrow(asked: Asked) -> bool:
    """Tell whether it is for some callers or methods, whose others another's rules may take."""
    host = any(name.startswith(":") for name in asked.match.headers)
    narrow = asked.narrow and not asked.unknown
    return narrow or host or asked.match.method is not None


def _rest(asked: Asked, defaults: list[Match]) -> bool:
    """Tell whether some default takes what `asked` leaves of its path."""
    rest = Match(uri=asked.match.uri)
    return any(covers(Match(uri=default.uri), rest) for default in defaults)


def _merged(facts: Facts) -> Counter[str]:
    """Count the VirtualServices at gateways that serve a host, as gateways merge them."""
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
