"""Manifests in which nothing is bound to a gateway, such as those of one service's team."""

from lanes.reading import kinds
from lanes.reading.manifests import Manifests

_GATEWAYS = (kinds.Gateway, kinds.gateway_api.Gateway)
# Kinds that may bring requests into the mesh and are not planned.
_INGRESSES = ("Ingress", "IngressRoute", "HTTPProxy")
# Kinds whose controllers write routing.
_WRITERS = {
    "Canary": "Flagger writes its routing while it runs",
    "Rollout": "Argo Rollouts writes its weights while it runs",
}


def without_gateway(manifests: Manifests) -> str:
    """Return the beginning of a sentence that says that nothing is bound to a gateway.

    Return "" if there is a Gateway, or a route that names one.
    """
    if any(any(manifests.of(kind)) for kind in _GATEWAYS):
        return ""
    services = (body.spec.gateways for _, body in manifests.of(kinds.VirtualService))
    if any(name != "mesh" for gateways in services for name in gateways):
        return ""
    refs = (ref for _, body in manifests.of(kinds.HTTPRoute) for ref in body.spec.parent_refs)
    if any(not ref.of_mesh for ref in refs):
        return ""
    present = set(manifests.left_to_cluster)
    if any(manifests.of(kinds.Rollout)):
        present.add("Rollout")
    reasons = [f"the {kind} here is not planned" for kind in _INGRESSES if kind in present]
    reasons += [f"{why} ({kind})" for kind, why in _WRITERS.items() if kind in present]
    sentence = "; ".join(["nothing here is bound to a gateway", *reasons])
    return f"{sentence}: planned as seen by a caller of"
