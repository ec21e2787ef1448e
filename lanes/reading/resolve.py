"""Builds the mesh from manifests, with every host, subset and label selector resolved."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import BaseModel

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.model import Host, Mesh, Pod, Unrouted
from lanes.reading import kinds, service_entries, workloads
from lanes.reading.callers_only import without_gateway
from lanes.reading.commands import Command, assigned
from lanes.reading.destinations import Destinations
from lanes.reading.endpoint_slices import endpoints_of
from lanes.reading.gateways import gateway_hosts
from lanes.reading.imports import SidecarImports
from lanes.reading.inferred import completed
from lanes.reading.manifests import NOT_RUN, Manifests
from lanes.reading.mirrors import warn_of_mirrors
from lanes.reading.no_effect import (
    admitted,
    report_envoy_filters,
    warn_of_certificates,
    warn_of_hashes,
)
from lanes.reading.providers import provider_of
from lanes.reading.service_entries import machines_of
from lanes.reading.services import service_ports
from lanes.reading.sidecars import Sidecars
from lanes.reading.virtual_services import require_complete
from lanes.reading.workloads import pods_of

# The annotation on a Service that lists the Services that its pods call.
CALLS = "traffic-lanes/calls"


def resolve(manifests: Manifests, commands: Iterable[Command] = (), *, strict: bool = True) -> Mesh:
    """Return the mesh that `manifests` describe, with `commands` in place of stand-ins.

    If `strict`, raises one LanesError for all fields that are not supported; else marks the routes
    that depend on them. Raises LanesError for a command that fits no pod.
    """
    diagnostics = Diagnostics()
    mesh = build(completed(manifests), diagnostics, commands)[0]
    diagnostics.require_plannable(strict=strict)
    errors = dict.fromkeys((*manifests.not_supported, *diagnostics.errors))
    return replace(mesh, not_supported=tuple(errors))


def build(
    manifests: Manifests, diagnostics: Diagnostics, commands: Iterable[Command] = ()
) -> tuple[Mesh, Destinations]:
    """Return the mesh of all that is supported in `manifests`, and its destinations.

    Errors and warnings go to `diagnostics`. Raises LanesError for a command that fits no pod.
    """
    diagnostics.warn(*manifests.warnings)
    require_complete(manifests, diagnostics)
    manifests = admitted(manifests, diagnostics)
    imports = SidecarImports(manifests)
    sidecars = Sidecars(manifests, imports, diagnostics)
    report_envoy_filters(manifests, diagnostics)
    workload_pods = (*pods_of(manifests, sidecars, diagnostics), *machines_of(manifests))
    elsewhere = endpoints_of(manifests, workload_pods)
    pods = tuple(assigned((*workload_pods, *elsewhere), commands))
    destinations = Destinations(manifests, pods, diagnostics)
    gateway = gateway_hosts(manifests, destinations, pods)
    mesh = Mesh(
        sources=manifests.sources,
        provider=provider_of(manifests),
        pods=pods,
        gateway=gateway,
        ports=service_ports(manifests, destinations, imports.callers(pods), gateway),
        left_to_cluster=manifests.left_to_cluster,
        calls=dict(_calls(manifests)),
        aliases=destinations.aliases(),
        datagrams=destinations.datagrams(),
        without_gateway=without_gateway(manifests),
    )
    warn_of_mirrors(manifests, destinations)
    warn_of_certificates(manifests, diagnostics)
    warn_of_hashes(mesh, diagnostics)
    workloads.require_simulated(manifests, pods, diagnostics)
    _require_simulated(manifests, pods, diagnostics)
    service_entries.require_simulated(manifests, diagnostics)
    for place in dict.fromkeys(pod.place for pod in elsewhere):
        diagnostics.not_simulate(ManifestError(place.file, place.resource, "", NOT_RUN))
    mesh = replace(mesh, warnings=diagnostics.warnings, not_run=diagnostics.not_simulated)
    return mesh, destinations


def _calls(manifests: Manifests) -> Iterator[tuple[Host, tuple[str, ...]]]:
    """Yield each Service that has the annotation, and the names of the Services that it calls."""
    for _, body in manifests.of(kinds.Service):
        annotation = body.metadata.annotations.get(CALLS, "")
        names = tuple(name.strip() for name in annotation.split(",") if name.strip())
        if names:
            yield body.host, names


def _require_simulated(manifests: Manifests, pods: Iterable[Pod], diagnostics: Diagnostics) -> None:
    """Report fields of routing resources, and calls past sidecars, that are not simulated."""
    for resource in manifests.resources:
        for path in _cluster_fields(resource.body):
            diagnostics.not_simulate(resource.error(path, NOT_RUN))
    for pod in pods:
        if pod.unrouted != Unrouted() and pod.upstream_urls:
            problem = "a call that bypasses its sidecar is not simulated: it passes one here"
            place = pod.place
            diagnostics.not_simulate(
                ManifestError(place.file, place.resource, place.field, problem)
            )


def _cluster_fields(body: BaseModel) -> Iterator[str]:
    """Yield the fields of a routing resource that only a cluster acts on."""
    if isinstance(body, _ROUTING):
        yield from kinds.only_running(body.spec, "spec")
    if isinstance(body, kinds.Gateway):
        servers = enumerate(body.spec.servers)
        yield from (f"spec.servers[{index}].tls" for index, server in servers if server.tls)
    if isinstance(body, kinds.gateway_api.Gateway):
        listeners = enumerate(body.spec.listeners)
        yield from (f"spec.listeners[{index}].tls" for index, each in listeners if each.tls)


_ROUTING = (
    kinds.DestinationRule,
    kinds.Gateway,
    kinds.VirtualService,
    kinds.gateway_api.Gateway,
    kinds.HTTPRoute,
)
