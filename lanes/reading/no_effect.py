"""Reports configuration that is refused, has no effect, or that no plan sees."""

from dataclasses import replace

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.model import Mesh
from lanes.reading import kinds
from lanes.reading.manifests import Manifests

_STAR = (
    "* beside the gateway mesh: a cluster refuses the VirtualService. Name hosts, or keep the mesh"
    " and the gateway in one VirtualService each"
)
_ROUTE_PATCHES = ("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE")
_HASH = (
    "consistentHash chooses a pod of one part of the split; which part a request goes to is drawn"
    " anew each time, so no client stays at one"
)


def admitted(manifests: Manifests, diagnostics: Diagnostics) -> Manifests:
    """Return `manifests` without the VirtualServices that a cluster refuses, which are errors.

    https://github.com/istio/istio/blob/master/pkg/config/validation/virtualservice.go
    """
    refused: set[int] = set()
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" in body.spec.gateways and "*" in body.spec.hosts:
            field = f"spec.hosts[{body.spec.hosts.index('*')}]"
            diagnostics.error(resource.error(field, _STAR))
            refused.add(id(resource))
    if not refused:
        return manifests
    resources = tuple(each for each in manifests.resources if id(each) not in refused)
    return replace(manifests, resources=resources)


def report_envoy_filters(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Report EnvoyFilters: errors if they change routes, else warnings."""
    for resource, body in manifests.of(kinds.EnvoyFilter):
        targets = [patch.apply_to for patch in body.spec.config_patches]
        index = next((n for n, target in enumerate(targets) if target in _ROUTE_PATCHES), None)
        if index is None:
            message = "changes proxies in a way that no plan sees"
            diagnostics.warn(resource.finding("envoy-filter", "", message))
        else:
            field = f"spec.configPatches[{index}].applyTo"
            diagnostics.error(resource.error(field, "changes routes, which no plan sees"))


def warn_of_hashes(mesh: Mesh, diagnostics: Diagnostics) -> None:
    """Warn of splits between destinations whose pods are chosen by a hash of the request."""
    for route in mesh.routes:
        place, parts = route.place, [part for part in route.destinations if part.weight]
        if len(parts) > 1 and any(part.destination.hashed for part in parts):
            finding = Finding("hash-split", place.file, place.resource, place.field, _HASH)
            diagnostics.warn(finding)


def warn_of_certificates(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Warn of BackendTLSPolicies: no manifest shows whether pods have the certificate."""
    for resource, policy in manifests.of(kinds.gateway_api.BackendTLSPolicy):
        names = [ref.name for ref in policy.spec.target_refs if ref.kind == "Service"]
        if names:
            message = (
                f"planned as if the pods of {', '.join(names)} had the certificate that it wants;"
                " without it, gateways answer with an error"
            )
            diagnostics.warn(resource.finding("certificate", "spec.validation", message))
