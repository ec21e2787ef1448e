"""A match on a claim of a token that nothing checks."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.routing import Routing, gateways_of
from lanes.lint.rule import Rule
from lanes.reading import kinds
from lanes.reading.kinds.istio import ROOT_NAMESPACE

_CLAIM = "@request.auth.claims"


def check(facts: Facts) -> Iterator[Violation]:
    for routing, match in facts.matches:
        named = (*match.unknown_headers, *match.header_fields)
        claim = next((one for one in named if one.startswith(_CLAIM)), None)
        if claim and not _is_checked(facts, routing):
            yield (
                routing.resource,
                match.header_fields.get(claim, f"{match.field}.headers.{claim}"),
                "no RequestAuthentication here applies to the gateway, and without one no request"
                " has a claim, so this never matches; add one that selects the gateway's pods",
            )


def _is_checked(facts: Facts, routing: Routing) -> bool:
    """Tell whether a RequestAuthentication applies to one of a VirtualService's gateways."""
    body = routing.resource.body
    bound = gateways_of(routing.resource, body) if isinstance(body, kinds.VirtualService) else []
    gateways = [
        gateway.spec.selector.items()
        for resource, gateway in facts.of(kinds.Gateway)
        if (resource.namespace, resource.name) in bound
    ]
    for resource, authentication in facts.of(kinds.RequestAuthentication):
        selector = authentication.spec.selector
        labels = selector.match_labels.items() if selector else {}.items()
        if authentication.spec.target_refs or (labels and not gateways):
            return True  # it may be the gateway's
        if (
            any(labels <= selector for selector in gateways)
            if labels
            else (resource.namespace in {ROOT_NAMESPACE, *(namespace for namespace, _ in bound)})
        ):
            return True
    return False


RULE = Rule(
    code="TL044",
    name="claim-unchecked",
    severity="warning",
    text="""A rule may match a claim of the request's token (`@request.auth.claims.group`). A
request has claims once a RequestAuthentication for the gateway has checked its token. A
RequestAuthentication for the services behind the gateway does not count.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {"@request.auth.claims.group": {exact: beta}}}]
      route: [{destination: {host: shop, subset: v2}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    fix=(
        """    - route: [{destination: {host: shop, subset: v1}}]
""",
        """    - route: [{destination: {host: shop, subset: v1}}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  jwtRules: [{issuer: issuer@example.com}]
""",
    ),
    check=check,
)
