"""Mirrors of both APIs: where rules send copies of requests, and of which share."""

from collections.abc import Iterator

from lanes.errors import ManifestError
from lanes.mesh.model import Host, Weighted
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.kinds import http_route
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.sides import Side

_WHOLE = 1_000_000


def mirrors_of(
    resource: Resource, field: str, http: kinds.HttpRoute, destinations: Destinations, side: Side
) -> tuple[Weighted, ...]:
    """Return the mirrors of a VirtualService's rule that lead to pods.

    A mirror that is not supported is not simulated, since it changes no response.
    """
    mirrors = []
    for where, target, share in _targets(field, http):
        weight = round(share * _WHOLE)
        if not (weight and destinations.has_pods(target.host, target.subset, resource.namespace)):
            continue
        try:
            destination = destinations.of_target(resource, where, target, side)
        except ManifestError as error:
            destinations.diagnostics.not_simulate(error)
        else:
            mirrors.append(Weighted(destination, weight))
    return tuple(mirrors)


def api_mirrors(
    resource: Resource,
    field: str,
    rule: http_route.Rule,
    destinations: Destinations,
    *,
    in_mesh: bool,
) -> tuple[Weighted, ...]:
    """Return the mirrors of an HTTPRoute's rule that lead to pods.

    A mirror that is not supported is not simulated, since it changes no response.
    """
    mirrors, namespace = [], resource.namespace
    for where, host, mirror in _api_targets(field, rule, namespace):
        weight, ref = round(mirror.share * _WHOLE), mirror.backend_ref
        granted = in_mesh or destinations.grants.allow(resource.kind, namespace, host)
        if not (weight and granted and (ref.group, ref.kind) == ("", "Service")):
            continue
        try:
            destination = destinations.of_backend(resource, where, host, ref.port)
        except ManifestError as error:
            destinations.diagnostics.not_simulate(error)
        else:
            mirrors.append(Weighted(destination, weight))
    return tuple(mirrors)


def warn_of_mirrors(manifests: Manifests, destinations: Destinations) -> None:
    """Warn of mirrors to hosts without pods, whose copies of requests are dropped."""
    for resource, field, host, subset in _all_targets(manifests):
        if not destinations.has_pods(host, subset, resource.namespace):
            name = f"{host}, subset {subset}" if subset else host
            message = f"{name} has no pods: the copies of the requests are dropped"
            destinations.diagnostics.warn(resource.finding("mirror-absent", field, message))


def _all_targets(manifests: Manifests) -> Iterator[tuple[Resource, str, str, str]]:
    """Yield each mirror's resource, field, host and subset."""
    for resource, body in manifests.of(kinds.VirtualService):
        for number, http in enumerate(body.spec.http):
            for field, target, _ in _targets(f"spec.http[{number}]", http):
                yield resource, field, target.host, target.subset
    for resource, route in manifests.of(kinds.HTTPRoute):
        for number, rule in enumerate(route.spec.rules):
            for field, host, _ in _api_targets(f"spec.rules[{number}]", rule, resource.namespace):
                yield resource, field, host.fqdn, ""


def _targets(field: str, http: kinds.HttpRoute) -> Iterator[tuple[str, kinds.MirrorTarget, float]]:
    """Yield each mirror's field, target, and share, 0 to 1."""
    if http.mirror and http.mirror.host:
        percent = 100.0 if http.mirror_percent is None else http.mirror_percent
        if http.mirror_percentage:
            percent = http.mirror_percentage.value
        yield f"{field}.mirror", http.mirror, percent / 100
    for index, mirror in enumerate(http.mirrors):
        percent = mirror.percentage.value if mirror.percentage else 100.0
        if mirror.destination.host:
            yield f"{field}.mirrors[{index}].destination", mirror.destination, percent / 100


def _api_targets(
    field: str, rule: http_route.Rule, namespace: str
) -> Iterator[tuple[str, Host, http_route.RequestMirror]]:
    """Yield each mirror's field, the Service that it names from `namespace`, and the mirror."""
    for index, filter_ in enumerate(rule.filters):
        if mirror := filter_.request_mirror:
            host = http_route.referred(mirror.backend_ref, namespace)
            yield f"{field}.filters[{index}].requestMirror.backendRef", host, mirror
