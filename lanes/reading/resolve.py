"""From manifests to the mesh: every host, subset and label selector resolved."""

from collections.abc import Iterable
from dataclasses import replace

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
from lanes.reading.no_effect import admitted, warn_of_certificates, warn_of_hashes
from lanes.reading.providers import provider_of
from lanes.reading.service_entries import machines_of
from lanes.reading.services import service_ports
from lanes.reading.sidecars import Sidecars
from lanes.reading.virtual_services import require_complete
from lanes.reading.workloads import pods_of

# The annotation on a Service that names those which its pods call.
CALLS = "traffic-lanes/calls"


def resolve(manifests: Manifests, commands: Iterable[Command] = (), *, strict: bool = True) -> Mesh:
    """The mesh that `manifests` describe, with `commands` in place of stand-ins.

    Where `strict`, raises LanesError, all in one, for what asks for more than is supported; else
    marks what depends on it. Raises it for a command that fits no pod.
    """
    diagnostics = Diagnostics()
    mesh = build(completed(manifests), diagnostics, commands)[0]
    diagnostics.require_plannable(strict=strict)
    found = dict.fromkeys((*manifests.not_supported, *diagnostics.errors))
    return replace(mesh, not_supported=tuple(found))


def build(
    manifests: Manifests, diagnostics: Diagnostics, commands: Iterable[Command] = ()
) -> tuple[Mesh, Destinations]:
    """Return the mesh of what is understood of `manifests`, and its look-ups.

    What is not goes to `diagnostics`. Raises LanesError for a command that fits no pod.
    """
    diagnostics.warn(*manifests.warnings)
    require_complete(manifests, diagnostics)
    manifests = admitted(manifests, diagnostics)
    imports = SidecarImports(manifests)
    sidecars = Sidecars(manifests, imports, diagnostics)
    run = (*pods_of(manifests, sidecars, diagnostics), *machines_of(manifests))
    elsewhere = endpoints_of(manifests, run)
    pods = tuple(assigned((*run, *elsewhere), commands))
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
    found = replace(mesh, warnings=diagnostics.warnings, not_run=diagnostics.not_simulated)
    return found, destinations


def _calls(manifests: Manifests) -> Iterable[tuple[Host, tuple[str, ...]]]:
    """Whom each Service's annotation says that it calls."""
    for _, body in manifests.of(kinds.Service):
        annotation = body.metadata.annotations.get(CALLS, "")
        called = tuple(name.strip() for name in annotation.split(",") if name.strip())
        if called:
            yield body.host, called


def _require_simulated(manifests: Manifests, pods: Iterable[Pod], diagnostics: Diagnostics) -> None:
    """Report routing, and TLS of gateways, that only a cluster does; and calls past sidecars."""
    for resource in manifests.resources:
        paths: list[str] = []
        if isinstance(resource.body, _ROUTING):
            paths += kinds.only_running(resource.body.spec, "spec")
        if isinstance(resource.body, kinds.Gateway):
            servers = enumerate(resource.body.spec.servers)
            paths += [f"spec.servers[{index}].tls" for index, one in servers if one.tls]
        if isinstance(resource.body, kinds.gateway_api.Gateway):
            listeners = enumerate(resource.body.spec.listeners)
            paths += [f"spec.listeners[{index}].tls" for index, one in listeners if one.tls]
        for path in paths:
            diagnostics.not_simulate(resource.error(path, NOT_RUN))
    for pod in pods:
        if pod.unrouted != Unrouted() and pod.upstream_urls:
            problem = "a call that bypasses its sidecar is not simulated: it passes one here"
            place = pod.place
            diagnostics.not_simulate(
                ManifestError(place.file, place.resource, place.field, problem)
            )


_ROUTING = (
    kinds.DestinationRule,
    kinds.Gateway,
    kinds.VirtualService,
    kinds.gateway_api.Gateway,
    kinds.HTTPRoute,
)
