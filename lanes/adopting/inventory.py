"""Finds the services of manifests without lanes: those that can have lanes, versions, calls."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lanes.adopting.exposure import exposed_hosts, selected_by
from lanes.adopting.protocols import Protocol, main_port, not_routable, protocol_of
from lanes.errors import LanesError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.model import Host, Mesh, Pod
from lanes.planning.call_graph import CallGraph, Overrides, call_graph
from lanes.reading import kinds
from lanes.reading.files import STDIN, STDIN_NAME
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.reader import read_for_lint
from lanes.reading.resolve import build

VERSION_LABELS = ("version", "app.kubernetes.io/version")
BASELINE = "v1"
# Names of services that a gateway is likely to call.
_ENTRY = re.compile(r"front|web|page|gateway|proxy|edge|portal|(^|-)ui$")
# Kinds that show which mesh manifests are for.
_MESH_KINDS = (
    kinds.ASMHeaderPropagation,
    kinds.DestinationRule,
    kinds.VirtualService,
    kinds.HTTPRoute,
)
# The names of lanes and of services that the chart supports.
_LANE = re.compile(r"(?!\d+$|true$|false$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"(?!true$|false$)[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Workload:
    """A workload of a service. `lane`: the version in its labels; "" for none."""

    resource: Resource
    template: kinds.PodTemplate
    lane: str

    @property
    def container(self) -> int:
        """The index of the container that answers: the first that is not a sidecar."""
        names = [container.name for container in self.template.spec.containers]
        return next((n for n, name in enumerate(names) if name != "istio-proxy"), 0)


@dataclass(frozen=True)
class Service:
    """A service that can have lanes. `versions`: its workloads by lane, the baseline's first.

    `upstreams`: the services that it calls; `calls_known`: the manifests show them. `exposed`:
    requests from outside reach it.
    """

    host: Host
    resource: Resource
    spec: kinds.ServiceSpec
    port: kinds.ServicePort
    protocol: Protocol | None
    versions: Mapping[str, Workload]
    upstreams: tuple[str, ...] = ()
    calls_known: bool = False
    exposed: bool = False
    pods: tuple[Pod, ...] = ()

    @property
    def name(self) -> str:
        return self.host.name


@dataclass(frozen=True)
class Inventory:
    """The services of manifests. `provider`: the mesh that they are for; "" if unknown.

    `label`: the pods' label with their version. `left`: the resources that get no lanes, each with
    the reason.
    """

    sources: tuple[str, ...]
    provider: str
    baseline: str
    label: str
    services: tuple[Service, ...]
    left: Mapping[str, str]

    @cached_property
    def lanes(self) -> tuple[str, ...]:
        """Every lane that a service has a version for, the baseline first."""
        others = {lane for service in self.services for lane in service.versions}
        return (self.baseline, *sorted(others - {self.baseline}))

    @property
    def namespaces(self) -> frozenset[str]:
        return frozenset(service.host.namespace for service in self.services)

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The services that the gateway may call, the likeliest first.

        These are the exposed ones; without any, those that no service calls.
        """
        called = {name for service in self.services for name in service.upstreams}
        uncalled = [service for service in self.services if service.name not in called]
        exposed = [service for service in self.services if service.exposed]
        likely = exposed or uncalled or list(self.services)
        return tuple(service.name for service in sorted(likely, key=_unlikely_entry))

    @cached_property
    def unreached(self) -> tuple[str, ...]:
        """The services that no known call from the likeliest entry leads to."""
        upstreams = {service.name: service.upstreams for service in self.services}
        reached, ahead = set[str](), [self.entries[0]]
        while ahead:
            name = ahead.pop()
            ahead += () if name in reached else upstreams[name]
            reached.add(name)
        return tuple(name for name in upstreams if name not in reached)


def take_inventory(
    paths: Iterable[str], calls: Overrides | None = None, *, routing_only: bool = False
) -> Inventory:
    """Return the inventory of the manifests under `paths`. `calls`: calls that they do not show.

    Raises LanesError if a file cannot be read, and if no service can have lanes.
    """
    manifests, unread = read_for_lint(paths)
    if unread:
        raise LanesError(*unread)
    mesh, _ = build(manifests, Diagnostics())
    candidates, left = _services(manifests, routing_only=routing_only)
    sources = tuple(STDIN_NAME if name == STDIN else name for name in manifests.sources)
    if not candidates:
        reasons = (f"{name}: {why}" for name, why in left.items())
        none = "no Service here leads to pods over HTTP. Add your Services and Deployments"
        raise LanesError(f"{' '.join(sources)}: {none}", *reasons)
    mesh_known = any(isinstance(resource.body, _MESH_KINDS) for resource in manifests.resources)
    label = _version_label(candidates)
    baseline = _baseline(candidates)
    graph = call_graph(mesh, calls)
    exposed = frozenset(exposed_hosts(manifests, mesh))
    names = {service.host: service.name for service in candidates}
    names |= _aliases(candidates, manifests)
    services = tuple(
        replace(
            _with_calls(service, mesh, graph, names),
            versions=_versions(service, baseline),
            exposed=service.host in exposed,
        )
        for service in candidates
    )
    for service, candidate in zip(services, candidates, strict=True):
        for workload in candidate.versions.values():
            if all(version is not workload for version in service.versions.values()):
                reason = f"runs pods of {service.name} too, and these have no version label"
                left[str(workload.resource)] = reason
    return Inventory(sources, mesh.provider if mesh_known else "", baseline, label, services, left)


def _unlikely_entry(service: Service) -> tuple[bool, bool]:
    """Return a key that sorts services: the likelier a gateway calls one, the earlier."""
    return not service.upstreams, not _ENTRY.search(service.name)


def _services(
    manifests: Manifests, *, routing_only: bool
) -> tuple[tuple[Service, ...], dict[str, str]]:
    """Return the Services that can have lanes, and why the others cannot.

    The keys of `versions` are only numbers yet.
    """
    found: dict[Host, Service] = {}
    left: dict[str, str] = {}
    owners: dict[tuple[str, ...], Host] = {}
    workloads = list(_workloads(manifests))
    services = [(body.host, resource, body.spec) for resource, body in manifests.of(kinds.Service)]
    # Of several Services with the same pods, other services call the one that is not exposed.
    for host, resource, spec in sorted(
        services, key=lambda service: service[2].type not in ("", "ClusterIP")
    ):
        behind = [workload for workload in workloads if _selects(spec, host, workload)]
        key = (host.namespace, *sorted(str(workload.resource) for workload in behind))
        reason = _why_not(host, spec, behind, routing_only=routing_only)
        if not reason and key in owners:
            reason = f"leads to the pods of {owners[key].name}, which has lanes"
        if reason:
            left[host.name] = reason
            continue
        owners[key] = host
        port = main_port(spec)
        protocol = protocol_of(port, behind[0].template.spec)
        versions = {str(number): workload for number, workload in enumerate(behind)}
        found[host] = Service(host, resource, spec, port, protocol, versions)
    in_order = dict.fromkeys(host for host, _, _ in services)
    return tuple(found[host] for host in in_order if host in found), left


def _why_not(
    host: Host, spec: kinds.ServiceSpec, behind: list[Workload], *, routing_only: bool
) -> str:
    """Return why a Service cannot have lanes; "" if it can."""
    if not spec.selector or not behind:
        return "no workload here has the labels that it selects"
    if spec.cluster_ip == "None":
        return "is headless: its callers choose the pod by DNS, and no mesh does"
    if reason := not_routable(spec):
        return reason
    if any(workload.template.spec.host_network for workload in behind):
        return "its pods are on their host's network, where they have no sidecar"
    if not _SERVICE.fullmatch(host.name):
        return "the chart supports names of 40 lower-case letters, digits and '-', a letter first"
    others = sorted({workload.resource.kind for workload in behind} - {"Deployment"})
    if others and not routing_only:
        return f"is run by a {others[0]}, and the chart makes Deployments; see --routing-only"
    return ""


def _workloads(manifests: Manifests) -> Iterator[Workload]:
    for resource, body in manifests.of(kinds.Workload):
        template = body.spec.template
        labels = template.metadata.labels
        named = (labels[key] for key in VERSION_LABELS if _LANE.fullmatch(labels.get(key, "")))
        yield Workload(resource, template, next(named, ""))


def _selects(spec: kinds.ServiceSpec, host: Host, workload: Workload) -> bool:
    if workload.resource.namespace != host.namespace or not spec.selector:
        return False
    return spec.selector.items() <= workload.template.metadata.labels.items()


def _version_label(services: Iterable[Service]) -> str:
    """Return the label with the version: `version`, unless pods have only the other one."""
    labels = [
        workload.template.metadata.labels
        for service in services
        for workload in service.versions.values()
    ]
    usual, other = VERSION_LABELS
    has_other = any(_LANE.fullmatch(pod_labels.get(other, "")) for pod_labels in labels)
    return other if has_other and not any(usual in pod_labels for pod_labels in labels) else usual


def _baseline(services: Iterable[Service]) -> str:
    """Return the version that most services have; of several, the first by name."""
    counts = Counter(
        lane
        for service in services
        for lane in {workload.lane for workload in service.versions.values()}
        if lane
    )
    most = max(counts.values(), default=0)
    return min((lane for lane, count in counts.items() if count == most), default=BASELINE)


def _versions(service: Service, baseline: str) -> dict[str, Workload]:
    """Return a service's workloads by lane.

    Without a workload of the baseline, the first without a version is the baseline's, or the first.
    """
    workloads = list(service.versions.values())
    by_lane = {workload.lane: workload for workload in reversed(workloads) if workload.lane}
    first = by_lane.pop(baseline, None) or next(
        (workload for workload in workloads if not workload.lane), workloads[0]
    )
    others = {lane: by_lane[lane] for lane in sorted(by_lane) if by_lane[lane] is not first}
    return {baseline: first} | others


def _with_calls(
    service: Service, mesh: Mesh, graph: CallGraph, names: Mapping[Host, str]
) -> Service:
    """Return a service with its pods, and the services that they call, which `names` has."""
    pods = next((port.pods for port in mesh.ports if port.host == service.host), ())
    called = [
        port.host
        for pod in pods
        for target in graph.of([service.host], (pod,))
        if (port := graph.port(target, service.host.namespace)[0])
    ]
    upstreams = dict.fromkeys(names[host] for host in called if host in names)
    upstreams.pop(service.name, None)
    calls_known = bool(called) or graph.knows(service.host, pods)
    return replace(service, upstreams=tuple(upstreams), calls_known=calls_known, pods=pods)


def _aliases(services: Iterable[Service], manifests: Manifests) -> dict[Host, str]:
    """Return each Service with the pods of one that has lanes, with that one's name."""
    by_pods = {selected_by(service.host, service.spec): service.name for service in services}
    hosts = {
        body.host: selected_by(body.host, body.spec) for _, body in manifests.of(kinds.Service)
    }
    return {host: by_pods[pods] for host, pods in hosts.items() if pods in by_pods}
