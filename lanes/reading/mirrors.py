"""Mirrors of both APIs: where rules send copies of requests, and of which share."""

from collections.abc import Iterator

from lanes.errors import ManifestError
from lanes.mesh.model import Destination, Weighted
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.manifests import Resource
from lanes.reading.sides import Side

_WHOLE = 1_000_000


def mirrors_of(
    resource: Resource, field: str, http: kinds.HttpRoute, destinations: Destinations, side: Side
) -> tuple[Weighted, ...]:
    """Return the mirrors of a VirtualService's rule that lead to pods.

    What is not supported of one is not simulated: it decides no answer.
    """
    return tuple(
        Weighted(destination, weight)
        for where, target, share in _targets(field, http)
        if (weight := round(share * _WHOLE))
        and target.host
        and destinations.runs(target.host, target.subset, resource.namespace)
        and (destination := _led(resource, where, target, destinations, side))
    )


def api_mirrors(
    resource: Resource,
    field: str,
    rule: kinds.http_route.Rule,
    destinations: Destinations,
    *,
    in_mesh: bool,
) -> tuple[Weighted, ...]:
    """Return the mirrors of an HTTPRoute's rule that lead to pods."""
    found = []
    for index, mirror in enumerate(one.request_mirror for one in rule.filters):
        if mirror is None or not (weight := round(mirror.share * _WHOLE)):
            continue
        ref, own = mirror.backend_ref, resource.namespace
        host = kinds.http_route.referred(ref, own)
        granted = in_mesh or destinations.grants.allow(resource.kind, own, host)
        if (ref.group, ref.kind) != ("", "Service") or not granted:
            continue
        where = f"{field}.filters[{index}].requestMirror.backendRef"
        try:
            destination = destinations.of_backend(resource, where, host, ref.port)
        except ManifestError as error:
            destinations.diagnostics.not_simulate(error)
        else:
            found.append(Weighted(destination, weight))
    return tuple(found)


def _targets(field: str, http: kinds.HttpRoute) -> Iterator[tuple[str, kinds.MirrorTarget, float]]:
    """Yield each mirror's field, where it leads, and its share, 0 to 1."""
    if http.mirror:
        percent = 100.0 if http.mirror_percent is None else http.mirror_percent
        if http.mirror_percentage:
            percent = http.mirror_percentage.value
        yield f"{field}.mirror", http.mirror, percent / 100
    for index, one in enumerate(http.mirrors):
        percent = one.percentage.value if one.percentage else 100.0
        yield f"{field}.mirrors[{index}].destination", one.destination, percent / 100


def _led(
    resource: Resource,
    where: str,
    target: kinds.MirrorTarget,
    destinations: Destinations,
    side: Side,
) -> Destination | None:
    try:
        return destinations.of_target(resource, where, target, side)
    except ManifestError as error:
        destinations.diagnostics.not_simulate(error)
        return None
