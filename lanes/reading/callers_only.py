"""Manifests that bind nothing to a gateway: those of a service's team, in the mesh alone."""

from lanes.reading import kinds
from lanes.reading.manifests import Manifests

# What may bring requests in, or make the routing, beside the kinds that are read.
_BRINGING = ("Ingress", "IngressRoute", "HTTPProxy")
_MAKING = {
    "Canary": "Flagger writes its routing while it runs",
    "Rollout": "Argo Rollouts writes its weights while it runs",
}


def without_gateway(manifests: Manifests) -> str:
    """Return the beginning of a sentence where nothing is bound to a gateway; "": something is."""
    if any(True for kind in _GATEWAYS for _ in manifests.of(kind)):
        return ""
    services = (body.spec.gateways for _, body in manifests.of(kinds.VirtualService))
    if any(name != "mesh" for gateways in services for name in gateways):
        return ""
    refs = (ref for _, body in manifests.of(kinds.HTTPRoute) for ref in body.spec.parent_refs)
    if any(not ref.of_mesh for ref in refs):
        return ""
    left = manifests.left_to_cluster
    found = [f"the {kind} here is not planned" for kind in _BRINGING if kind in left]
    rollouts = ["Rollout"] if any(True for _ in manifests.of(kinds.Rollout)) else []
    found += [f"{_MAKING[kind]} ({kind})" for kind in _MAKING if kind in (*left, *rollouts)]
    reasons = "".join(f"; {one}" for one in found)
    return f"nothing here is bound to a gateway{reasons}: planned as seen by a caller of"


_GATEWAYS = (kinds.Gateway, kinds.gateway_api.Gateway)
