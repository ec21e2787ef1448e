"""A gateway that lets clients choose their lane by the tag itself."""

from collections.abc import Iterator

from lanes.lint.documents import Resource
from lanes.lint.facts import Facts, at_gateway, of_mesh
from lanes.lint.match import rules_of
from lanes.lint.rule import Found, Rule
from lanes.lint.rules.header_from_nowhere import stamped
from lanes.lint.value import Value


def check(facts: Facts) -> Iterator[Found]:
    matched = {header for _, match in facts.matched for header in match.headers}
    tags = {header for header in matched if facts.hands_on(header)} & stamped(facts)
    for resource in (*facts.virtual_services, *facts.http_routes):
        if not _bound(resource):
            continue
        for tag in sorted(tags):
            open_to = [rule for rule in rules_of(resource) if _legs(rule) and _open(rule, tag)]
            if open_to:
                yield (
                    resource,
                    open_to[0],
                    f"a client's own {tag} passes here and chooses the lane at the next hop; set"
                    f" or remove {tag} in each rule of the gateway",
                )


def _bound(resource: Resource) -> bool:
    if resource.kind == "HTTPRoute":
        return not of_mesh(resource)
    return at_gateway(resource)


def _legs(rule: Value) -> list[Value]:
    return [*rule["route"], *rule["backendRefs"]]


def _open(rule: Value, tag: str) -> bool:
    """Whether a request keeps the tag that its client gave it."""
    return not _decides(rule, tag) and not all(_decides(leg, tag) for leg in _legs(rule))


def _decides(place: Value, tag: str) -> bool:
    """Whether a rule or a destination sets the header, or takes it away."""
    operations = place["headers"]["request"]
    names = [*operations["set"].texts, *(value.text for value in operations["remove"])]
    for change in place["filters"]:
        modifier = change["requestHeaderModifier"]
        names += [header["name"].text for header in modifier["set"]]
        names += [value.text for value in modifier["remove"]]
    return tag in map(str.lower, names)


RULE = Rule(
    code="TL026",
    name="client-baggage",
    severity="warning",
    text="""The gateway decides the lane. A rule of it that neither sets nor removes the tag's
header passes on what the client sent, and whoever knows a lane's name gets into it.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {x-lane: {exact: v2}}}]
      headers: {request: {set: {baggage: version=v2}}}
      route: [{destination: {host: shop}}]
    - route: [{destination: {host: shop}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - match: [{headers: {baggage: {exact: version=v2}}}]
      route: [{destination: {host: cart, subset: v2}}]
    - route: [{destination: {host: cart, subset: v1}}]
""",
    mended=(
        "    - route: [{destination: {host: shop}}]\n",
        "    - headers: {request: {remove: [baggage]}}\n"
        "      route: [{destination: {host: shop}}]\n",
    ),
    check=check,
)
