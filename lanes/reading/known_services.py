"""Services and ServiceEntries' hosts, each with the pods that it selects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import host_in_manifest, host_of
from lanes.mesh.model import APP_LABELS, VERSION_LABELS, Host, Pod
from lanes.mesh.traffic import Propagation
from lanes.reading import kinds, service_entries
from lanes.reading.endpoint_slices import sliced
from lanes.reading.exported import exports_of, is_restricted, level_in
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.protocols import carries_http


@dataclass(frozen=True)
class KnownService:
    """A Service, and the pods that it selects, or a ServiceEntry's host with what answers for it.

    `export_to`: the namespaces whose sidecars and gateways know it; (): all. `unsupported`: why
    what it does is not known. `by_name`: a pod's port of the same name comes before the target.
    """

    resource: Resource
    spec: kinds.ServiceSpec
    pods: tuple[Pod, ...]
    propagation: Propagation
    export_to: tuple[str, ...] = ()
    unsupported: str = ""
    by_name: bool = False

    @property
    def is_restricted(self) -> bool:
        """Whether some namespaces do not know it."""
        return is_restricted(self.export_to)

    def is_known_in(self, namespace: str | None) -> bool:
        """Tell whether a namespace knows it; None: one that no list names."""
        return level_in(self.export_to, self.resource.namespace, namespace) is not None

    @property
    def app(self) -> str:
        """The app whose one version it selects; "": it selects none, or every version."""
        selector = self.spec.selector
        one_version = any(map(selector.get, VERSION_LABELS))
        named = filter(None, map(selector.get, APP_LABELS if one_version else ()))
        return next(named, "")

    @cached_property
    def ports(self) -> Mapping[int, int | str]:
        """The target behind each port that can carry HTTP."""
        return {p.port: p.target_port or p.port for p in self.spec.ports if p.protocol == "TCP"}

    @cached_property
    def other(self) -> frozenset[int]:
        """The ports, of those, at which HTTP rules have no effect."""
        tcp = (port for port in self.spec.ports if port.protocol == "TCP")
        return frozenset(port.port for port in tcp if not carries_http(port))

    def number(self, port: int, pod: Pod) -> int:
        """The number of a pod's port behind one of the Service's. Raises ManifestError for none."""
        target = self.ports[port]
        named = {one.port: one.name for one in self.spec.ports if self.by_name}
        if (name := named.get(port, "")) in pod.named_ports:
            return pod.named_ports[name]
        number = pod.named_ports.get(target) if isinstance(target, str) else target
        if number is None:
            raise self.resource.error(
                "spec.ports", f"targetPort {target} is not a port of pod {pod.name}"
            )
        return number


def known_services(
    manifests: Manifests, pods: tuple[Pod, ...], diagnostics: Diagnostics
) -> tuple[dict[Host, KnownService], dict[Host, Host | None]]:
    """Return every Service by its host, and what those stand for that are another by DNS."""
    services: dict[Host, KnownService] = {}
    aliases: dict[Host, Host | None] = {}
    neighbors: dict[str, list[Pod]] = {}
    labeled: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        neighbors.setdefault(pod.namespace, []).append(pod)
        for label in pod.labels.items():
            labeled.setdefault((pod.namespace, *label), []).append(pod)
    slices = sliced(manifests, pods)
    for resource, body in manifests.of(kinds.Service):
        host = body.host
        if body.spec.type == "ExternalName":
            aliases[host] = host_of(body.spec.external_name, "")
            continue
        near = neighbors.get(host.namespace, [])
        selector = body.spec.selector.items()
        # The label that the fewest pods have: a Service looks at hardly any but its own.
        few = [labeled.get((host.namespace, *label), []) for label in selector]
        fewest, why = min(few, key=len, default=[]), resource.unsupported()
        behind = tuple(pod for pod in fewest if selector <= pod.labels.items())
        behind = behind or slices.get(host, ())
        try:
            _require_alike(resource, behind)
        except ManifestError as error:
            why = diagnostics.error(error)
        # Where it has no pods, it would have them like their neighbors.
        like = (*behind, *near[:1])
        propagation = like[0].propagation if like else Propagation()
        exports = exports_of(body)
        services[host] = KnownService(resource, body.spec, behind, propagation, exports, why)
    for resource, entry in manifests.of(kinds.ServiceEntry):
        near = neighbors.get(entry.metadata.namespace, [])
        for name in entry.spec.hosts:
            known = host_in_manifest(name, entry.metadata.namespace) if "." in name else None
            behind = service_entries.pods_of(resource, entry, name, near)
            named = (host_of(one.address, "") for one in entry.spec.endpoints)
            led = [services[host].pods for host in named if host in services]
            behind = tuple(pod for pods in led for pod in pods) or behind
            spec = service_entries.service_of(entry)
            selects = entry.spec.workload_selector is not None
            exports, host = tuple(entry.spec.export_to), known or Host(name.lower(), "")
            found = KnownService(resource, spec, behind, Propagation(), exports, by_name=selects)
            there = services.setdefault(host, found)
            if there is not found and selects and there.resource.namespace == resource.namespace:
                services[host] = _joined(there, found, diagnostics)
    return services, aliases


def _joined(first: KnownService, entry: KnownService, diagnostics: Diagnostics) -> KnownService:
    """A Service, or a ServiceEntry's host, with the pods that a second ServiceEntry adds to it.

    istiod merges the endpoints of what has one host in one namespace, by the names of ports.
    """
    pods = {pod.key: pod for pod in (*first.pods, *entry.pods)}
    joined = replace(first, pods=tuple(pods.values()))
    named = {port.port: port.name for port in entry.spec.ports}
    for port in (one for one in first.spec.ports if one.protocol == "TCP"):
        alike = named.get(port.port) == port.name
        for pod in entry.pods if alike else ():
            alike &= joined.number(port.port, pod) == entry.number(port.port, pod)
        if not alike:
            error = entry.resource.error(
                "spec.ports",
                f"port {port.port} has another name, or another port of its pods, than that of"
                f" {first.resource}, which has the same host; give both the same",
            )
            return replace(joined, unsupported=diagnostics.error(error))
    return joined


def _require_alike(resource: Resource, pods: tuple[Pod, ...]) -> None:
    if len({pod.propagation for pod in pods}) > 1:
        raise resource.error(
            "spec.selector",
            "its pods differ in header propagation, which is not emulated;"
            " let an ASMHeaderPropagation select all of a Service's pods or none",
        )
