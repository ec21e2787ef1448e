"""Fields and versions that are gone from the API."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule

_RULE = {
    "appendHeaders": "headers.request.add",
    "appendRequestHeaders": "headers.request.add",
    "appendResponseHeaders": "headers.response.add",
    "removeRequestHeaders": "headers.request.remove",
    "removeResponseHeaders": "headers.response.remove",
    "websocketUpgrade": "nothing: WebSockets work without",
}
# By version, or by group.
_GONE = {
    "apps/v1beta1": "apps/v1",
    "apps/v1beta2": "apps/v1",
    "extensions/v1beta1": "apps/v1 or networking.k8s.io/v1",
    "networking.k8s.io/v1beta1": "networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1alpha1": "gateway.networking.k8s.io/v1",
    "authentication.istio.io": "PeerAuthentication and RequestAuthentication",
    "config.istio.io": "Telemetry, or an EnvoyFilter",
    "rbac.istio.io": "AuthorizationPolicy",
}


def check(facts: Facts) -> Iterator[Violation]:
    for resource in (*facts.manifests.resources, *facts.manifests.others):
        version = str(resource.data.get("apiVersion", ""))
        for gone in (version, version.rpartition("/")[0]):
            if gone in _GONE:
                yield (
                    resource,
                    "apiVersion",
                    f"{version} {resource.kind} is gone from the API, and rejected; write"
                    f" {_GONE[gone]}",
                )
        for field in resource.left_out:
            name = field.rpartition(".")[2]
            if resource.kind == "VirtualService" and name in _RULE:
                yield (
                    resource,
                    field,
                    f"{name} is gone from the API, and has no effect; write {_RULE[name]}",
                )


RULE = Rule(
    code="TL013",
    name="removed-field",
    severity="error",
    text="""The API server rejects what Istio or Kubernetes has removed from a resource, or
drops it without a message: fields for headers, an API version that is no longer served.""",
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
    fix=("appendHeaders: {x-lane: v2}", "headers: {request: {set: {x-lane: v2}}}"),
    check=check,
)
