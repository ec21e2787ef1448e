"""The services of manifests that know no lanes: which can have lanes, their versions and calls."""

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
# Names that services have which a gateway calls; where nothing else tells, the likelier come first.
_ENTRY = re.compile(r"front|web|page|gateway|proxy|edge|portal|(^|-)ui$")
# Kinds by which manifests say which mesh they are written for.
_OF_A_MESH = (
    kinds.ASMHeaderPropagation,
    kinds.DestinationRule,
    kinds.VirtualService,
    kinds.HTTPRoute,
)
# What the chart takes for a lane, and for a service.
_LANE = re.compile(r"(?!\d+$|true$|false$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"(?!true$|false$)[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Workload:
    """What runs the pods of one version of a service; `lane` is the version, by its labels."""

    resource: Resource
    template: kinds.PodTemplate
    lane: str

    @property
    def container(self) -> int:
        """The number of the container that answers: the first that is no sidecar."""
        names = [one.name for one in self.template.spec.containers]
        return next((n for n, name in enumerate(names) if name != "istio-proxy"), 0)


@dataclass(frozen=True)
class Service:
    """A service that can have lanes. `versions` has its workloads by lane, the baseline's first.

    `calls_known`: whether anything says whom it calls. `exposed`: whether it is reached from
    outside.
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
    """What manifests hold. `left`: what gets no lanes, each with the reason."""

    sources: tuple[str, ...]
    provider: str  # "": the manifests do not say
    baseline: str
    label: str  # the pods' label that holds their version
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
        """The services that the gateway may call: none calls them, or they are exposed.

        The likelier come first: those that are exposed, and those that call others.
        """
        called = {name for service in self.services for name in service.upstreams}
        uncalled = [one for one in self.services if one.name not in called]
        exposed = [one for one in self.services if one.exposed]
        likely = exposed or uncalled or list(self.services)
        return tuple(one.name for one in sorted(likely, key=_as_entry))

    @cached_property
    def unreached(self) -> tuple[str, ...]:
        """The services that no known call leads to from the likeliest entry."""
        upstreams = {one.name: one.upstreams for one in self.services}
        reached, found = set[str](), [self.entries[0]]
        while found:
            name = found.pop()
            found += () if name in reached else upstreams[name]
            reached.add(name)
        return tuple(name for name in upstreams if name not in reached)


def take_inventory(
    paths: Iterable[str], calls: Overrides | None = None, *, routing_only: bool = False
) -> Inventory:
    """Return what the manifests under `paths` hold; `calls` is who calls whom besides.

    Raises LanesError for what cannot be read, and where no service can have lanes.
    """
    manifests, unread = read_for_lint(paths)
    if unread:
        raise LanesError(*unread)
    mesh, _ = build(manifests, Diagnostics())
    found, left = _services(manifests, routing_only=routing_only)
    sources = tuple(STDIN_NAME if one == STDIN else one for one in manifests.sources)
    if not found:
        reasons = (f"{name}: {why}" for name, why in left.items())
        none = "no Service here leads to pods over HTTP. Add your Services and Deployments"
        raise LanesError(f"{' '.join(sources)}: {none}", *reasons)
    known = any(isinstance(one.body, _OF_A_MESH) for one in manifests.resources)
    label = _version_label(found)
    baseline = _baseline(found)
    graph = call_graph(mesh, calls)
    exposed = frozenset(exposed_hosts(manifests, mesh))
    by_host = {one.host: one.name for one in found} | dict(_aliases(found, manifests))
    services = tuple(
        replace(
            _with_calls(one, mesh, graph, by_host),
            versions=_versions(one, baseline),
            exposed=one.host in exposed,
        )
        for one in found
    )
    for service, raw in zip(services, found, strict=True):
        for workload in raw.versions.values():
            if all(one is not workload for one in service.versions.values()):
                why = f"runs pods of {service.name} too, and these have no version label"
                left[str(workload.resource)] = why
    return Inventory(sources, mesh.provider if known else "", baseline, label, services, left)


def _as_entry(service: Service) -> tuple[bool, bool]:
    """Return what sorts services by how likely a gateway calls them."""
    return not service.upstreams, not _ENTRY.search(service.name)


def _services(
    manifests: Manifests, *, routing_only: bool
) -> tuple[tuple[Service, ...], dict[str, str]]:
    """Return the Services that can have lanes, and why the others cannot."""
    found: dict[Host, Service] = {}
    left: dict[str, str] = {}
    owners: dict[tuple[str, ...], Host] = {}
    workloads = list(_workloads(manifests))
    services = [(body.host, resource, body.spec) for resource, body in manifests.of(kinds.Service)]
    # Of several Services with the same pods, the one that is not exposed is what others call.
    for host, resource, spec in sorted(
        services, key=lambda one: one[2].type not in ("", "ClusterIP")
    ):
        behind = [one for one in workloads if _selects(spec, host, one)]
        key = tuple(sorted(str(one.resource) for one in behind))
        why = _why_not(host, spec, behind, routing_only=routing_only)
        if not why and (host.namespace, *key) in owners:
            why = f"leads to the pods of {owners[host.namespace, *key].name}, which has lanes"
        if why:
            left[host.name] = why
            continue
        owners[host.namespace, *key] = host
        port = main_port(spec)
        protocol = protocol_of(port, behind[0].template.spec)
        lanes = {str(number): one for number, one in enumerate(behind)}
        found[host] = Service(host, resource, spec, port, protocol, lanes)
    order = [host for host, _, _ in services]
    return tuple(sorted(found.values(), key=lambda one: order.index(one.host))), left


def _why_not(
    host: Host, spec: kinds.ServiceSpec, behind: list[Workload], *, routing_only: bool
) -> str:
    """Return why a Service cannot have lanes; "": it can."""
    if not spec.selector or not behind:
        return "no workload here has the labels that it selects"
    if spec.cluster_ip == "None":
        return "is headless: its callers choose the pod by DNS, and no mesh does"
    if why := not_routable(spec):
        return why
    if any(one.template.spec.host_network for one in behind):
        return "its pods are on their host's network, where they have no sidecar"
    if not _SERVICE.fullmatch(host.name):
        return "the chart supports names of 40 lower-case letters, digits and '-', a letter first"
    others = sorted({one.resource.kind for one in behind} - {"Deployment"})
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
    """Return the label that tells versions apart: `version`, unless pods have only the other."""
    labels = [
        workload.template.metadata.labels
        for service in services
        for workload in service.versions.values()
    ]
    usual, other = VERSION_LABELS
    named = [one for one in labels if _LANE.fullmatch(one.get(other, ""))]
    return other if named and not any(usual in one for one in labels) else usual


def _baseline(services: Iterable[Service]) -> str:
    """Return the version that most services have; of several the first by name."""
    named = Counter(
        lane
        for service in services
        for lane in {one.lane for one in service.versions.values()}
        if lane
    )
    most = max(named.values(), default=0)
    return min((lane for lane, count in named.items() if count == most), default=BASELINE)


def _versions(service: Service, baseline: str) -> dict[str, Workload]:
    """Return a service's workloads by lane; where none is the baseline's, the first is."""
    workloads = list(service.versions.values())
    named = {one.lane: one for one in reversed(workloads) if one.lane}
    first = named.pop(baseline, None) or next(
        (one for one in workloads if not one.lane), workloads[0]
    )
    others = {lane: named[lane] for lane in sorted(named) if named[lane] is not first}
    return {baseline: first} | others


def _with_calls(
    service: Service, mesh: Mesh, graph: CallGraph, by_host: Mapping[Host, str]
) -> Service:
    """Return a service with its pods, and those of `by_host` that they call."""
    pods = next((port.pods for port in mesh.ports if port.host == service.host), ())
    called = [
        port.host
        for pod in pods
        for target in graph.of([service.host], (pod,))
        if (port := graph.port(target, service.host.namespace)[0])
    ]
    names = dict.fromkeys(by_host[host] for host in called if host in by_host)
    names.pop(service.name, None)
    calls_known = bool(called) or graph.knows(service.host, pods)
    return replace(service, upstreams=tuple(names), calls_known=calls_known, pods=pods)


def _aliases(services: Iterable[Service], manifests: Manifests) -> Iterator[tuple[Host, str]]:
    """Yield other Services that lead to the pods of one that has lanes, with its name."""
    by_pods = {selected_by(one.host, one.spec): one.name for one in services}
    for _, body in manifests.of(kinds.Service):
        key = selected_by(body.host, body.spec)
        if key in by_pods:
            yield body.host, by_pods[key]
