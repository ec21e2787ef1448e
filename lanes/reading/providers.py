"""What only one mesh knows: which mesh manifests are for, and what its sidecars propagate."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from lanes.mesh.traffic import Propagation
from lanes.reading import kinds
from lanes.reading.kinds.asm import ASMHeaderPropagationSpec
from lanes.reading.manifests import Manifests

_ASM_GROUP = "istio.alibabacloud.com"
_ASM_KINDS: tuple[type[BaseModel], ...] = (
    kinds.ASMHeaderPropagation,
    kinds.ASMSwimLane,
    kinds.ASMSwimLaneGroup,
    kinds.TrafficLabel,
)


def provider_of(manifests: Manifests) -> str:
    """Return asm, istio or gateway-api: asm where a resource has its features, else istio."""
    fallbacks = (
        destination.fallback
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        for destination in http.route
    )
    if has_asm_resources(manifests) or any(fallbacks):
        return "asm"
    rules = (kinds.VirtualService, kinds.DestinationRule)
    routes = any(manifests.of(kinds.HTTPRoute))
    return (
        "gateway-api" if routes and not any(any(manifests.of(kind)) for kind in rules) else "istio"
    )


def has_asm_resources(manifests: Manifests) -> bool:
    """Tell whether a resource is of one of ASM's own kinds, understood or not."""
    others = (one.body for one in manifests.others)
    groups = {body.group for body in others if isinstance(body, kinds.Untyped)}
    return _ASM_GROUP in groups or any(any(manifests.of(kind)) for kind in _ASM_KINDS)


def propagation_of(manifests: Manifests, labels: Mapping[str, str], namespace: str) -> Propagation:
    """Return the headers that the sidecars of pods with these labels exchange with baggage."""
    return _together(
        body.spec
        for _, body in manifests.of(kinds.ASMHeaderPropagation)
        if body.metadata.namespace == namespace
        and (
            body.spec.workload_selector is None
            or body.spec.workload_selector.labels.items() <= labels.items()
        )
    )


def propagation_somewhere(manifests: Manifests) -> Propagation:
    """Return the headers that any pod's sidecar exchanges with baggage."""
    return _together(body.spec for _, body in manifests.of(kinds.ASMHeaderPropagation))


def _together(specs: Iterable[ASMHeaderPropagationSpec]) -> Propagation:
    acting = list(specs)
    return Propagation(
        headers=tuple(dict.fromkeys(h.lower() for spec in acting for h in spec.headers)),
        prefixes=tuple(dict.fromkeys(p.lower() for spec in acting for p in spec.header_prefix)),
    )
