"""Services, and the hosts of ServiceEntries, each with its pods."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import host_in_manifest, host_of
from lanes.mesh.model import APP_LABELS, VERSION_LABELS, Host, Pod
from lanes.mesh.traffic import Propagation
from lanes.reading import kinds, service_entries
from lanes.reading.endpoint_slices import sliced
from lanes.reading.exported import exports_of, is_restricted, level_in
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.protocols import carries_http, says_http2


@dataclass(frozen=True)
class KnownService:
    """A Service, or a host of a ServiceEntry, with its pods.

    `export_to`: the namespaces whose proxies know it; (): all. `unsupported`: why its behavior is
    unknown. `by_name`: a pod's port with the same name replaces the target port.
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
        """Whether it is unknown to some namespace."""
        return is_restricted(self.export_to)

    def is_known_in(self, namespace: str | None) -> bool:
        """Tell whether a namespace knows it; None stands for any that no `exportTo` names."""
        return level_in(self.export_to, self.resource.namespace, namespace) is not None

    @cached_property
    def app(self) -> str:
        """The app that the selector names beside one version; "" without a version or an app."""
        selector = self.spec.selector
        one_version = any(map(selector.get, VERSION_LABELS))
        named = filter(None, map(selector.get, APP_LABELS if one_version else ()))
        return next(named, "")

    @cached_property
    def ports(self) -> Mapping[int, int | str]:
        """The target port of each TCP port."""
        return {p.port: p.target_port or p.port for p in self.spec.ports if p.protocol == "TCP"}

    @cached_property
    def without_http(self) -> frozenset[int]:
        """The TCP ports at which HTTP rules have no effect."""
        tcp = (port for port in self.spec.ports if port.protocol == "TCP")
        return frozenset(port.port for port in tcp if not carries_http(port))

    @cached_property
    def _port_names(self) -> Mapping[int, str]:
        return {port.port: port.name for port in self.spec.ports}

    @cached_property
    def http2_ports(self) -> frozenset[int]:
        """The ports that declare HTTP/2."""
        return frozenset(port.port for port in self.spec.ports if says_http2(port))

    def number(self, port: int, pod: Pod) -> int:
        """Return the number of a pod's port behind a port. Raises ManifestError if it has none."""
        target = self.ports[port]
        if self.by_name and (name := self._port_names[port]) in pod.named_ports:
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
    """Return every Service and every host of a ServiceEntry; and what ExternalNames stand for.

    An ExternalName stands for a Service, or for another host: None.
    """
    services: dict[Host, KnownService] = {}
    aliases: dict[Host, Host | None] = {}
    by_namespace: dict[str, list[Pod]] = {}
    by_label: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        by_namespace.setdefault(pod.namespace, []).append(pod)
        for label in pod.labels.items():
            by_label.setdefault((pod.namespace, *label), []).append(pod)
    slices = sliced(manifests, pods)
    for resource, body in manifests.of(kinds.Service):
        host = body.host
        if body.spec.type == "ExternalName":
            aliases[host] = host_of(body.spec.external_name, "")
            continue
        selector = body.spec.selector.items()
        # Only the pods with the rarest label are compared with the whole selector.
        candidates = [by_label.get((host.namespace, *label), []) for label in selector]
        rarest = min(candidates, key=len, default=[])
        selected = tuple(pod for pod in rarest if selector <= pod.labels.items())
        selected = selected or slices.get(host, ())
        near = by_namespace.get(host.namespace, [])
        services[host] = _service(resource, body, selected, near, diagnostics)
    for resource, entry in manifests.of(kinds.ServiceEntry):
        near = by_namespace.get(entry.metadata.namespace, [])
        _add_entry(services, resource, entry, near, diagnostics)
    return services, aliases


def _service(
    resource: Resource,
    body: kinds.Service,
    pods: tuple[Pod, ...],
    near: list[Pod],
    diagnostics: Diagnostics,
) -> KnownService:
    """Return a Service with its pods. Without pods, it propagates as those `near` do."""
    unsupported = resource.unsupported()
    if len({pod.propagation for pod in pods}) > 1:
        problem = (
            "its pods differ in header propagation, which is not emulated;"
            " let an ASMHeaderPropagation select all of a Service's pods or none"
        )
        unsupported = diagnostics.error(resource.error("spec.selector", problem))
    propagation = next((pod.propagation for pod in (*pods, *near[:1])), Propagation())
    return KnownService(resource, body.spec, pods, propagation, exports_of(body), unsupported)


def _add_entry(
    services: dict[Host, KnownService],
    resource: Resource,
    entry: kinds.ServiceEntry,
    near: list[Pod],
    diagnostics: Diagnostics,
) -> None:
    """Add the hosts of a ServiceEntry, or its pods to a Service with the same host.

    `near`: the pods of its namespace.
    """
    spec = service_entries.service_of(entry)
    selects = entry.spec.workload_selector is not None
    addresses = (host_of(endpoint.address, "") for endpoint in entry.spec.endpoints)
    named = [pod for host in addresses if host in services for pod in services[host].pods]
    for name in entry.spec.hosts:
        known = host_in_manifest(name, entry.metadata.namespace) if "." in name else None
        host = known or Host(name.lower(), "")
        pods = tuple(named) or service_entries.pods_of(resource, entry, name, near)
        exports = tuple(entry.spec.export_to)
        added = KnownService(resource, spec, pods, Propagation(), exports, by_name=selects)
        first = services.setdefault(host, added)
        if first is not added and selects and first.resource.namespace == resource.namespace:
            services[host] = _joined(first, added, diagnostics)


def _joined(first: KnownService, entry: KnownService, diagnostics: Diagnostics) -> KnownService:
    """Return a service with the pods of a ServiceEntry for the same host and namespace.

    istiod merges their endpoints by the names of ports.
    """
    pods = {pod.key: pod for pod in (*first.pods, *entry.pods)}
    joined = replace(first, pods=tuple(pods.values()))
    names = {port.port: port.name for port in entry.spec.ports}
    for port in (one for one in first.spec.ports if one.protocol == "TCP"):
        alike = names.get(port.port) == port.name
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
