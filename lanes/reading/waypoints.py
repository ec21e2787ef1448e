"""Ambient mode: the waypoint of the called Service routes calls.

https://istio.io/latest/docs/ambient/usage/waypoint/
"""

from collections.abc import Iterable, Mapping

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.kinds import gateway_api
from lanes.reading.manifests import Manifests, Resource

MODE = "istio.io/dataplane-mode"
_USE = "istio.io/use-waypoint"
_USE_NAMESPACE = "istio.io/use-waypoint-namespace"
_INGRESS = "istio.io/ingress-use-waypoint"
_CANARY = "istio.io/use-waypoint-canary"
_FOR = "istio.io/waypoint-for"
_CLASS = "istio-waypoint"
_NO_SERVICES = ("workload", "none")


class Waypoints:
    """Tells for which Services rules apply to calls from pods in ambient mode."""

    def __init__(
        self,
        manifests: Manifests,
        namespace_labels: Mapping[str, Mapping[str, str]],
        diagnostics: Diagnostics,
    ) -> None:
        self._namespace_labels = namespace_labels
        self._diagnostics = diagnostics
        self._gateways = {
            (resource.namespace, resource.name): body
            for resource, body in manifests.of(gateway_api.Gateway)
            if body.spec.gateway_class_name == _CLASS
        }
        self._services = {
            body.host: (resource, body.metadata.labels)
            for resource, body in manifests.of(kinds.Service)
        }
        for host, (resource, labels) in self._services.items():
            if self._label(_INGRESS, host, labels) == "true" and self._named(host):
                problem = "leads the gateway's requests through a waypoint, which is not emulated"
                diagnostics.error(resource.error(f"metadata.labels[{_INGRESS}]", problem))
            if self._label(_CANARY, host, labels):
                problem = "splits calls between two waypoints, which is not supported"
                diagnostics.error(resource.error(f"metadata.labels[{_CANARY}]", problem))

    def routed(self, rules: Mapping[Host, Iterable[str]]) -> frozenset[Host]:
        """Return the Services whose rules apply to calls from pods in ambient mode.

        `rules`: the namespaces of each Service's VirtualServices. A waypoint applies those of the
        Service's namespace and of its own.
        """
        routed = set()
        for host in self._services:
            waypoint = self._waypoint(host)
            namespaces = rules.get(host, (host.namespace,))
            if waypoint and {host.namespace, waypoint[0]}.intersection(namespaces):
                routed.add(host)
        return frozenset(routed)

    def _waypoint(self, host: Host) -> tuple[str, str] | None:
        """Return the namespace and name of the waypoint that routes calls to a Service, or None.

        If the manifests have no waypoint at all, each one named is assumed to exist.
        """
        named = self._named(host)
        if named is None or not self._gateways:
            return named
        body = self._gateways.get(named)
        if body is None:
            resource: Resource = self._services[host][0]
            message = (
                f"{'/'.join(named)} is not among the waypoints here: no rule counts for calls to it"
            )
            finding = resource.finding("waypoint-absent", f"metadata.labels[{_USE}]", message)
            self._diagnostics.warn(finding)
            return None
        return None if body.metadata.labels.get(_FOR) in _NO_SERVICES else named

    def _named(self, host: Host) -> tuple[str, str] | None:
        """Return the waypoint that labels of a Service, or else of its namespace, name."""
        labels = self._services[host][1]
        source = labels if _USE in labels else self._namespace_labels.get(host.namespace, {})
        name = source.get(_USE, "none")
        return None if name == "none" else (source.get(_USE_NAMESPACE) or host.namespace, name)

    def _label(self, name: str, host: Host, labels: Mapping[str, str]) -> str:
        return labels.get(name) or self._namespace_labels.get(host.namespace, {}).get(name, "")
