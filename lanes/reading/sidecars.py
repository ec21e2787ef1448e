"""Which calls pass a sidecar by: no injection, ports left out, hosts that a Sidecar hides.

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
    """Rules for callers in the mesh: their namespace, and their hosts by full names."""

    namespace: str
    hosts: tuple[str, ...]


class Sidecars:
    """Tells for each pod which of its calls no rule counts for."""

    def __init__(
        self, manifests: Manifests, imports: SidecarImports, diagnostics: Diagnostics
    ) -> None:
        self._imports, self._diagnostics = imports, diagnostics
        self._namespaces = {
            body.metadata.name: (resource, body.metadata.labels)
            for resource, body in manifests.of(kinds.Namespace)
        }
        labels = {name: own for name, (_, own) in self._namespaces.items()}
        self._waypoints = Waypoints(manifests, labels, diagnostics)
        self._hosts = [body.host for _, body in manifests.of(kinds.Service)]
        self._serving = list(_serving(manifests))
        self._ruled: dict[Host, list[_Rules]] = {}
        self._literal: dict[Host, list[_Rules]] = {}
        self._wild: dict[str, list[_Rules]] = {}
        self._past: dict[Imports, frozenset[Host]] = {}
        for _, body in manifests.of(kinds.VirtualService):
            own = body.metadata.namespace
            named = body.spec.hosts if "mesh" in body.spec.gateways else []
            rules = _Rules(own, tuple(meant(name, own).fqdn for name in named))
            for name in named:
                if name.startswith("*"):
                    self._wild.setdefault(name, []).append(rules)
                    if not any(covers(name, host) for _, host, _ in self._serving):
                        self._literal.setdefault(Host(name, ""), []).append(rules)
                elif (host := meant(name, own)).namespace:
                    self._ruled.setdefault(host, []).append(rules)
                else:
                    self._literal.setdefault(host, []).append(rules)
        for resource, route in manifests.of(kinds.HTTPRoute):
            for parent in route.spec.parent_refs:
                if parent.of_mesh:
                    host = referred(parent, resource.namespace)
                    rules = _Rules(resource.namespace, (host.fqdn,))
                    self._ruled.setdefault(host, []).append(rules)
        self._istio = any(
            True
            for kind in (kinds.VirtualService, kinds.DestinationRule)
            for _ in manifests.of(kind)
        )
        for resource, filtering in manifests.of(kinds.EnvoyFilter):
            self._look_at(resource, filtering)

    def _look_at(self, resource: Resource, body: kinds.EnvoyFilter) -> None:
        for index, patch in enumerate(body.spec.config_patches):
            if patch.apply_to in ("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"):
                field = f"spec.configPatches[{index}].applyTo"
                self._diagnostics.error(resource.error(field, "changes routes, which no plan sees"))
                return
        message = "changes proxies in a way that no plan sees"
        self._diagnostics.warn(resource.finding("envoy-filter", "", message))

    def of(
        self, resource: Resource, field: str, template: kinds.PodTemplate, namespace: str
    ) -> Unrouted:
        """What passes by the sidecars of a template's pods."""
        labels, annotations = template.metadata.labels, template.metadata.annotations
        off = without_sidecar(template)
        if off is None and self._is_ambient(labels, namespace):
            return Unrouted(only=self._routed)
        if off or (off is None and self._off(namespace)):
            return Unrouted(all=True)
        ports: tuple[int, ...] = ()
        for name, value in annotations.items():
            if name == EXCLUDED:
                ports = tuple(int(p) for p in value.split(",") if p.strip().isdecimal())
            elif name.startswith(_PREFIX) and not (
                name in _INBOUND or (name in _ANY and value == "*")
            ):
                where = f"{field}.annotations[{name}]"
                problem = "lets calls to addresses bypass the sidecar, which is not supported"
                self._diagnostics.error(resource.error(where, problem))
        imported = self._imports.of(labels, namespace)
        if imported is None:
            return Unrouted(ports=ports)
        if imported not in self._past:  # one Sidecar is for many workloads
            hidden = (*self._hidden(imported), *self._unruled(imported))
            self._past[imported] = frozenset(hidden)
        return Unrouted(ports=ports, hosts=self._past[imported])

    def _is_ambient(self, labels: Mapping[str, str], namespace: str) -> bool:
        """Whether a pod with these labels has the mesh's node proxy in place of a sidecar."""
        of_namespace = self._namespaces.get(namespace, (None, {}))[1]
        return labels.get(MODE, of_namespace.get(MODE)) == "ambient"

    @cached_property
    def _routed(self) -> frozenset[Host]:
        """The Services whose waypoints route calls of pods in ambient mode."""
        rules = {host: [one.namespace for one in self._rules_for(host)] for host in self._hosts}
        return self._waypoints.routed({host: found for host, found in rules.items() if found})

    def _off(self, namespace: str) -> bool:
        """Whether a namespace asks for no sidecars; one that is not here is taken to ask."""
        resource, labels = self._namespaces.get(namespace, (None, {}))
        if resource is None:
            return False
        if labels.get("istio-injection") == "disabled":
            return True
        if not injection_off(labels) or not self._istio:
            return False
        message = "has no sidecar injection (istio-injection: enabled): planned without sidecars"
        self._diagnostics.warn(resource.finding("injection-off", "metadata.labels", message))
        return True

    def _hidden(self, imported: Imports) -> Iterator[Host]:
        """The Services that are not imported."""
        for host in self._hosts:
            if not imported.has_service(host.namespace, host.fqdn):
                yield host

    def _unruled(self, imported: Imports) -> Iterator[Host]:
        """The hosts that are no Service, and whose rules do not count.

        They count at port 80, if a Service that is imported serves HTTP there.
        """
        served = {
            fqdn: numbers
            for namespace, fqdn, numbers in self._serving
            if imported.has_service(namespace, fqdn)
        }
        at_80 = any(80 in numbers for numbers in served.values())
        for host, found in self._literal.items():
            rules = (one for one in found if imported.has_rules(one.namespace, one.hosts))
            if not any(at_80 or not served.keys().isdisjoint(one.hosts) for one in rules):
                yield host

    def _rules_for(self, host: Host) -> list[_Rules]:
        """Return the rules that name a Service, else those of the closest wildcard."""
        covering = [name for name in self._wild if covers(name, host.fqdn)]
        closest = max(covering, key=len, default="")
        return self._ruled.get(host) or self._wild.get(closest, [])


def _serving(manifests: Manifests) -> Iterator[tuple[str, str, frozenset[int]]]:
    """The namespace, the full name and the ports with HTTP of what a Sidecar may import."""
    for _, body in manifests.of(kinds.Service):
        yield body.host.namespace, body.host.fqdn, http_ports(body.spec)
    for _, entry in manifests.of(kinds.ServiceEntry):
        numbers = http_ports(service_of(entry))
        for name in entry.spec.hosts:
            yield entry.metadata.namespace, name, numbers


def without_sidecar(template: kinds.PodTemplate) -> str | None:
    """Return the field of a template that keeps the sidecar away.

    "" where the template asks for one; None: its namespace decides. Istio asks the annotation only
    where there is no label.
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
    """Tell whether a Namespace with these labels has no sidecars injected."""
    ambient = labels.get("istio.io/dataplane-mode") == "ambient"
    return (
        not ambient
        and labels.get("istio-injection") != "enabled"
        and (labels.get("istio-injection") == "disabled" or "istio.io/rev" not in labels)
    )
