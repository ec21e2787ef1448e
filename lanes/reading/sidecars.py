"""Finds the calls that bypass sidecars: without injection, by port, or hidden by a Sidecar.

https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import covers, meant
from lanes.mesh.model import Host, Unrouted
from lanes.reading import kinds
from lanes.reading.imports import Imports, SidecarImports
from lanes.reading.kinds.http_route import referred
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.protocols import http_ports
from lanes.reading.service_entries import service_of
from lanes.reading.waypoints import MODE, Waypoints

_INJECT = "sidecar.istio.io/inject"
EXCLUDED = "traffic.sidecar.istio.io/excludeOutboundPorts"
_ANY = {
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeInboundPorts",
}
_INBOUND = {"traffic.sidecar.istio.io/excludeInboundPorts"}
_PREFIX = "traffic.sidecar.istio.io/"


@dataclass(frozen=True)
class _Rules:
    """The namespace and hosts, by full names, of a VirtualService or HTTPRoute in the mesh."""

    namespace: str
    hosts: tuple[str, ...]


class Sidecars:
    """Tells for each pod which of its calls bypass its sidecar, so that no rule applies."""

    def __init__(
        self, manifests: Manifests, imports: SidecarImports, diagnostics: Diagnostics
    ) -> None:
        self._imports, self._diagnostics = imports, diagnostics
        self._namespaces = {
            body.metadata.name: (resource, body.metadata.labels)
            for resource, body in manifests.of(kinds.Namespace)
        }
        namespace_labels = {name: labels for name, (_, labels) in self._namespaces.items()}
        self._waypoints = Waypoints(manifests, namespace_labels, diagnostics)
        self._hosts = [body.host for _, body in manifests.of(kinds.Service)]
        self._http_ports = list(_http_ports(manifests))
        self._services: dict[Host, list[_Rules]] = {}
        self._other_hosts: dict[Host, list[_Rules]] = {}
        self._wildcards: dict[str, list[_Rules]] = {}
        self._bypassed: dict[Imports, frozenset[Host]] = {}
        self._add_virtual_services(manifests)
        for resource, route in manifests.of(kinds.HTTPRoute):
            for parent in route.spec.parent_refs:
                if parent.of_mesh:
                    host = referred(parent, resource.namespace)
                    rules = _Rules(resource.namespace, (host.fqdn,))
                    self._services.setdefault(host, []).append(rules)
        of_istio = (kinds.VirtualService, kinds.DestinationRule)
        self._is_istio = any(any(manifests.of(model)) for model in of_istio)

    def _add_virtual_services(self, manifests: Manifests) -> None:
        for _, body in manifests.of(kinds.VirtualService):
            namespace = body.metadata.namespace
            names = body.spec.hosts if "mesh" in body.spec.gateways else []
            rules = _Rules(namespace, tuple(meant(name, namespace).fqdn for name in names))
            for name in names:
                if name.startswith("*"):
                    self._wildcards.setdefault(name, []).append(rules)
                    if not any(covers(name, fqdn) for _, fqdn, _ in self._http_ports):
                        self._other_hosts.setdefault(Host(name, ""), []).append(rules)
                elif (host := meant(name, namespace)).namespace:
                    self._services.setdefault(host, []).append(rules)
                else:
                    self._other_hosts.setdefault(host, []).append(rules)

    def of(
        self, resource: Resource, field: str, template: kinds.PodTemplate, namespace: str
    ) -> Unrouted:
        """Return which calls of a template's pods bypass the sidecar.

        `field`: the template's metadata.
        """
        labels, annotations = template.metadata.labels, template.metadata.annotations
        off = without_sidecar(template)
        if off is None and self._is_ambient(labels, namespace):
            return Unrouted(only=self._routed_by_waypoints)
        if off or (off is None and self._is_off(namespace)):
            return Unrouted(all=True)
        ports: tuple[int, ...] = ()
        for name, value in annotations.items():
            if name == EXCLUDED:
                ports = tuple(int(p) for p in value.split(",") if p.strip().isdecimal())
            elif name.startswith(_PREFIX) and not (
                name in _INBOUND or (name in _ANY and value == "*")
            ):
                path = f"{field}.annotations[{name}]"
                problem = "lets calls to addresses bypass the sidecar, which is not supported"
                self._diagnostics.error(resource.error(path, problem))
        imports = self._imports.of(labels, namespace)
        if imports is None:
            return Unrouted(ports=ports)
        if imports not in self._bypassed:  # many workloads share a Sidecar
            hosts = (*self._hidden_services(imports), *self._hosts_without_rules(imports))
            self._bypassed[imports] = frozenset(hosts)
        return Unrouted(ports=ports, hosts=self._bypassed[imports])

    def _is_ambient(self, labels: Mapping[str, str], namespace: str) -> bool:
        """Tell whether a pod with these labels is in ambient mode, without a sidecar."""
        of_namespace = self._namespaces.get(namespace, (None, {}))[1]
        return labels.get(MODE, of_namespace.get(MODE)) == "ambient"

    @cached_property
    def _routed_by_waypoints(self) -> frozenset[Host]:
        """The Services to which waypoints route calls from pods in ambient mode."""
        namespaces = {host: [r.namespace for r in self._rules_for(host)] for host in self._hosts}
        return self._waypoints.routed({host: names for host, names in namespaces.items() if names})

    def _is_off(self, namespace: str) -> bool:
        """Tell whether a namespace has no injection; one without a manifest is assumed to have."""
        resource, labels = self._namespaces.get(namespace, (None, {}))
        if resource is None:
            return False
        if labels.get("istio-injection") == "disabled":
            return True
        if not injection_off(labels) or not self._is_istio:
            return False
        message = "has no sidecar injection (istio-injection: enabled): planned without sidecars"
        self._diagnostics.warn(resource.finding("injection-off", "metadata.labels", message))
        return True

    def _hidden_services(self, imports: Imports) -> Iterator[Host]:
        """Yield the Services that are not imported."""
        for host in self._hosts:
            if not imports.has_service(host.namespace, host.fqdn):
                yield host

    def _hosts_without_rules(self, imports: Imports) -> Iterator[Host]:
        """Yield the hosts that are no Services and whose rules do not apply.

        Rules apply at port 80 if an imported Service serves HTTP at port 80, and at the ports of
        imported Services that the rules name.
        """
        ports = {
            fqdn: numbers
            for namespace, fqdn, numbers in self._http_ports
            if imports.has_service(namespace, fqdn)
        }
        at_80 = any(80 in numbers for numbers in ports.values())
        for host, entries in self._other_hosts.items():
            imported = (r for r in entries if imports.has_rules(r.namespace, r.hosts))
            if not any(at_80 or not ports.keys().isdisjoint(rules.hosts) for rules in imported):
                yield host

    def _rules_for(self, host: Host) -> list[_Rules]:
        """Return the rules that name a Service, else those of the closest wildcard."""
        covering = [name for name in self._wildcards if covers(name, host.fqdn)]
        closest = max(covering, key=len, default="")
        return self._services.get(host) or self._wildcards.get(closest, [])


def _http_ports(manifests: Manifests) -> Iterator[tuple[str, str, frozenset[int]]]:
    """Yield the namespace, full name and HTTP ports of Services and of ServiceEntries' hosts."""
    for _, body in manifests.of(kinds.Service):
        yield body.host.namespace, body.host.fqdn, http_ports(body.spec)
    for _, entry in manifests.of(kinds.ServiceEntry):
        numbers = http_ports(service_of(entry))
        for name in entry.spec.hosts:
            yield entry.metadata.namespace, name, numbers


def without_sidecar(template: kinds.PodTemplate) -> str | None:
    """Return the field of a template that turns injection off.

    "": the template turns it on; None: the namespace decides. Istio ignores the annotation if there
    is a label.
    """
    labels, annotations = template.metadata.labels, template.metadata.annotations
    if template.spec.host_network:
        return "spec.hostNetwork"
    if _INJECT in labels or "istio.io/rev" in labels:
        return f"metadata.labels.{_INJECT}" if labels.get(_INJECT) == "false" else ""
    if _INJECT in annotations:
        return "" if annotations[_INJECT] == "true" else f"metadata.annotations.{_INJECT}"
    return None


def injection_off(labels: Mapping[str, str]) -> bool:
    """Tell whether a Namespace with these labels has no sidecar injection."""
    ambient = labels.get("istio.io/dataplane-mode") == "ambient"
    return (
        not ambient
        and labels.get("istio-injection") != "enabled"
        and (labels.get("istio-injection") == "disabled" or "istio.io/rev" not in labels)
    )
