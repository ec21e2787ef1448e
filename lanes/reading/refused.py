"""What does not do as it says: VirtualServices no cluster takes, mirrors, hashes at a split."""

from collections.abc import Iterator
from dataclasses import replace

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.model import Mesh
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.manifests import Manifests, Resource

_STAR = (
    "* beside the gateway mesh: a cluster refuses the VirtualService. Name hosts, or keep the mesh"
    " and the gateway in one VirtualService each"
)
_HASH = (
    "consistentHash chooses a pod of one part of the split; which part a request goes to is drawn"
    " anew each time, so no client stays at one"
)
Mirror = tuple[Resource, str, str, str]
"""A mirror: what has it, its field, host and subset."""


def admitted(manifests: Manifests, diagnostics: Diagnostics) -> Manifests:
    """Return `manifests` without the VirtualServices that no cluster admits, which are errors.

    https://github.com/istio/istio/blob/master/pkg/config/validation/virtualservice.go
    """
    refused: list[Resource] = []
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" in body.spec.gateways and "*" in body.spec.hosts:
            where = f"spec.hosts[{body.spec.hosts.index('*')}]"
            diagnostics.error(resource.error(where, _STAR))
            refused.append(resource)
    if not refused:
        return manifests
    kept = (one for one in manifests.resources if all(one is not other for other in refused))
    return replace(manifests, resources=tuple(kept))


def warn_of_mirrors(manifests: Manifests, destinations: Destinations) -> None:
    """Warn of mirrors that lead to no pod: what is sent there is dropped, without a word."""
    for resource, field, host, subset in (*_of_services(manifests), *_of_routes(manifests)):
        if not destinations.runs(host, subset, resource.namespace):
            name = f"{host}, subset {subset}" if subset else host
            message = f"{name} has no pods: the copies of the requests are dropped"
            destinations.diagnostics.warn(resource.finding("mirror-absent", field, message))


def _of_services(manifests: Manifests) -> Iterator[Mirror]:
    for resource, body in manifests.of(kinds.VirtualService):
        for number, http in enumerate(body.spec.http):
            field = f"spec.http[{number}]"
            named = [(f"{field}.mirror", http.mirror)] if http.mirror else []
            named += [
                (f"{field}.mirrors[{index}].destination", one.destination)
                for index, one in enumerate(http.mirrors)
            ]
            yield from ((resource, where, to.host, to.subset) for where, to in named if to.host)


def _of_routes(manifests: Manifests) -> Iterator[Mirror]:
    for resource, route in manifests.of(kinds.HTTPRoute):
        for number, rule in enumerate(route.spec.rules):
            for index, one in enumerate(rule.filters):
                if one.request_mirror:
                    ref = one.request_mirror.backend_ref
                    field = f"spec.rules[{number}].filters[{index}].requestMirror.backendRef"
                    host = kinds.http_route.referred(ref, resource.namespace)
                    yield resource, field, host.fqdn, ""


def warn_of_hashes(mesh: Mesh, diagnostics: Diagnostics) -> None:
    """Warn of splits between destinations whose pods are chosen by a hash of the request."""
    for route in mesh.routes:
        place, drawn = route.place, [one for one in route.destinations if one.weight]
        if len(drawn) > 1 and any(one.destination.hashed for one in drawn):
            finding = Finding("hash-split", place.file, place.resource, place.field, _HASH)
            diagnostics.warn(finding)


def warn_of_certificates(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Warn of BackendTLSPolicies: whether pods have the certificate that one wants, none shows."""
    for resource, policy in manifests.of(kinds.gateway_api.BackendTLSPolicy):
        names = [ref.name for ref in policy.spec.target_refs if ref.kind == "Service"]
        if names:
            message = (
                f"planned as if the pods of {', '.join(names)} had the certificate that it wants;"
                " without it, gateways answer with an error"
            )
            diagnostics.warn(resource.finding("certificate", "spec.validation", message))
