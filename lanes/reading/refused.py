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
Mirror = tuple[str, str, str]
"""A mirror's field, host and subset."""


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
    for resource, body in manifests.of(kinds.VirtualService):
        for number, http in enumerate(body.spec.http):
            for field, host, subset in _mirrors(f"spec.http[{number}]", http):
                if not destinations.runs(host, subset, body.metadata.namespace):
                    name = f"{host}, subset {subset}" if subset else host
                    message = f"{name} has no pods: the copies of the requests are dropped"
                    destinations.diagnostics.warn(resource.finding("mirror-absent", field, message))


def _mirrors(field: str, http: kinds.HttpRoute) -> Iterator[Mirror]:
    if http.mirror and http.mirror.host:
        yield f"{field}.mirror", http.mirror.host, http.mirror.subset
    for number, one in enumerate(http.mirrors):
        if one.destination.host:
            where = f"{field}.mirrors[{number}].destination"
            yield where, one.destination.host, one.destination.subset


def warn_of_hashes(mesh: Mesh, diagnostics: Diagnostics) -> None:
    """Warn of splits between destinations whose pods are chosen by a hash of the request."""
    routes = [route for host in mesh.gateway for route in host.routes]
    routes += [route for port in mesh.ports for route in port.routes]
    for route in routes:
        place, drawn = route.place, [one for one in route.destinations if one.weight]
        if len(drawn) > 1 and any(one.destination.hashed for one in drawn):
            finding = Finding("hash-split", place.file, place.resource, place.field, _HASH)
            diagnostics.warn(finding)
