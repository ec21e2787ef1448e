"""Fields and versions that are gone from the API."""

from collections.abc import Iterator

from lanes.lint.facts import ISTIO, Facts
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value

_RULE = {
    "appendHeaders": "headers.request.add",
    "appendRequestHeaders": "headers.request.add",
    "appendResponseHeaders": "headers.response.add",
    "removeRequestHeaders": "headers.request.remove",
    "removeResponseHeaders": "headers.response.remove",
    "websocketUpgrade": "nothing: WebSockets work without",
}
_VERSIONS = {
    "apps/v1beta1": "apps/v1",
    "apps/v1beta2": "apps/v1",
    "extensions/v1beta1": "apps/v1 or networking.k8s.io/v1",
    "networking.k8s.io/v1beta1": "networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1alpha1": "gateway.networking.k8s.io/v1",
}
_GROUPS = {
    "authentication.istio.io": "PeerAuthentication and RequestAuthentication",
    "config.istio.io": "Telemetry, or an EnvoyFilter",
    "rbac.istio.io": "AuthorizationPolicy",
}


def check(facts: Facts) -> Iterator[Found]:
    for resource in facts.resources:
        version = resource.body["apiVersion"]
        instead = _VERSIONS.get(version.text) or _GROUPS.get(resource.group)
        if instead:
            problem = f"{version.text} {resource.kind} is gone, and refused; write {instead}"
            yield resource, version, problem
    for service in facts.virtual_services:
        for rule in service.spec["http"]:
            for place in (rule, *rule["route"]):
                for name in place.there:
                    if name in _RULE:
                        problem = f"{name} is gone, and changes nothing; write {_RULE[name]}"
                        yield service, place[name], problem
    for destination in facts.of(ISTIO, "DestinationRule"):
        for policy in _policies(destination.spec):
            field = policy["outlierDetection"]["consecutiveErrors"]
            if field:
                problem = "consecutiveErrors counts for nothing; write consecutive5xxErrors"
                yield destination, field, problem


def _policies(spec: Value) -> Iterator[Value]:
    """A DestinationRule's policy, its subsets', and those of their ports."""
    for place in (spec, *spec["subsets"]):
        yield place["trafficPolicy"]
        yield from place["trafficPolicy"]["portLevelSettings"]


RULE = Rule(
    code="TL013",
    name="removed-field",
    severity="error",
    text="""What Istio or Kubernetes has taken out of a resource is refused, or dropped without
a word: headers that are no longer changed, an API version that is no longer served.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - appendHeaders: {x-lane: v2}
      route: [{destination: {host: shop}}]
""",
    mended=("appendHeaders: {x-lane: v2}", "headers: {request: {set: {x-lane: v2}}}"),
    check=check,
)
