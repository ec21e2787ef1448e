"""From manifests to the mesh: every host, subset and label selector resolved."""

from collections.abc import Iterable
from dataclasses import replace

from lanes.errors import ManifestError, Problems
from lanes.mesh.diagnostics import Finding
from lanes.model import Host, Mesh, Pod, Unrouted
from lanes.reading import kinds, outside
from lanes.reading.commands import Command, assigned
from lanes.reading.destinations import Destinations
from lanes.reading.elsewhere import completed
from lanes.reading.gateways import gateway_hosts
from lanes.reading.manifests import Manifests
from lanes.reading.outside import machines_of
from lanes.reading.services import service_ports
from lanes.reading.sidecars import Sidecars
from lanes.reading.workloads import not_run, pods_of

# The annotation on a Service that names those which its pods call.
CALLS = "traffic-lanes/calls"


def resolve(manifests: Manifests, commands: Iterable[Command] = ()) -> Mesh:
    """The mesh that `manifests` describe, with `commands` in place of stand-ins.

    Raises LanesError, all in one, for what asks for more than is understood, and for a command
    that fits no pod.
    """
    problems = Problems()
    manifests = completed(manifests)
    warnings: list[Finding] = list(manifests.warnings)
    sidecars = Sidecars(manifests, problems, warnings)
    made = (*pods_of(manifests, sidecars, warnings), *machines_of(manifests))
    pods = tuple(assigned(made, commands))
    destinations = Destinations(manifests, pods, problems)
    gateway = gateway_hosts(manifests, destinations, problems)
    mesh = Mesh(
        sources=manifests.sources,
        provider=_provider(manifests),
        pods=pods,
        gateway=gateway,
        ports=tuple(service_ports(manifests, destinations, pods, gateway, problems)),
        left_to_cluster=manifests.left_to_cluster,
        calls=dict(_calls(manifests)),
        datagrams=destinations.datagrams(),
        not_run=(
            *not_run(manifests, pods, warnings),
            *_not_run(manifests),
            *_passing_by(pods),
            *outside.not_run(manifests),
        ),
    )
    problems.require_none()
    return replace(mesh, warnings=tuple(dict.fromkeys((*warnings, *destinations.warnings))))


def _calls(manifests: Manifests) -> Iterable[tuple[Host, tuple[str, ...]]]:
    """Whom each Service's annotation says that it calls."""
    for _, body in manifests.of(kinds.Service):
        told = body.metadata.annotations.get(CALLS, "")
        called = tuple(name.strip() for name in told.split(",") if name.strip())
        if called:
            yield Host(body.metadata.name, body.metadata.namespace), called


def _provider(manifests: Manifests) -> str:
    """Which mesh the manifests are for: what only ASM knows tells it."""
    falls_back = (
        destination.fallback
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        for destination in http.route
    )
    propagates = (True for _ in manifests.of(kinds.ASMHeaderPropagation))
    if any(propagates) or any(falls_back):
        return "asm"
    istio = (kinds.VirtualService, kinds.DestinationRule)
    stock = any(any(manifests.of(kind)) for kind in istio)
    routes = any(manifests.of(kinds.gateway_api.HTTPRoute))
    return "gateway-api" if routes and not stock else "istio"


def _passing_by(pods: Iterable[Pod]) -> Iterable[str]:
    """Where calls would pass a sidecar by: here they all take one."""
    for pod in pods:
        if pod.unrouted != Unrouted() and pod.upstream_urls:
            problem = "a call that passes its sidecar by is not run here; try it on a cluster"
            yield str(ManifestError(pod.place.file, pod.place.resource, pod.place.field, problem))


def _not_run(manifests: Manifests) -> Iterable[str]:
    """Where routing asks for what only a cluster does, or a gateway for TLS."""
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
            yield str(resource.error(path, "not run here; leave it out, or try it on a cluster"))


_ROUTING = (
    kinds.DestinationRule,
    kinds.Gateway,
    kinds.VirtualService,
    kinds.gateway_api.Gateway,
    kinds.gateway_api.HTTPRoute,
)
