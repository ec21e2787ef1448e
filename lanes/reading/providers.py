"""Facts of single meshes: which mesh manifests are for, and what ASM's sidecars propagate."""

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
    """Return "asm", "gateway-api" or "istio".

    "asm": a resource uses its features. "gateway-api": there are HTTPRoutes, and no VirtualService
    or DestinationRule. "istio": anything else.
    """
    fallbacks = (
        destination.fallback
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        for destination in http.route
    )
    if has_asm_resources(manifests) or any(fallbacks):
        return "asm"
    of_istio = (kinds.VirtualService, kinds.DestinationRule)
    has_rules = any(any(manifests.of(model)) for model in of_istio)
    return "gateway-api" if any(manifests.of(kinds.HTTPRoute)) and not has_rules else "istio"


def has_asm_resources(manifests: Manifests) -> bool:
    """Tell whether a resource is of one of ASM's own kinds, supported or not."""
    others = (resource.body for resource in manifests.others)
    groups = {body.group for body in others if isinstance(body, kinds.Untyped)}
    return _ASM_GROUP in groups or any(any(manifests.of(model)) for model in _ASM_KINDS)


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
    specs = list(specs)
    return Propagation(
        headers=tuple(dict.fromkeys(h.lower() for spec in specs for h in spec.headers)),
        prefixes=tuple(dict.fromkeys(p.lower() for spec in specs for p in spec.header_prefix)),
    )
