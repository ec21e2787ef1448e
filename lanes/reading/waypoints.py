"""Ambient mode: the waypoint of the Service that is called routes, and the caller's has no part.

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
    """Tells whose rules count for calls to each Service from pods in ambient mode."""

    def __init__(
        self, manifests: Manifests, namespaces: Mapping[str, Mapping[str, str]], sink: Diagnostics
    ) -> None:
        self._namespaces = namespaces
        self._diagnostics = sink
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
                sink.error(resource.error(f"metadata.labels[{_INGRESS}]", problem))
            if self._label(_CANARY, host, labels):
                problem = "splits calls between two waypoints, which is not supported"
                sink.error(resource.error(f"metadata.labels[{_CANARY}]", problem))

    def routed(self, rules: Mapping[Host, Iterable[str]]) -> frozenset[Host]:
        """Return the Services whose rules count for such calls.

        `rules`: the namespaces of each Service's VirtualServices; a waypoint knows those that stand
        beside the Service or beside itself.
        """
        found = set()
        for host in self._services:
            waypoint = self._waypoint(host)
            known = rules.get(host, (host.namespace,))
            if waypoint and {host.namespace, waypoint[0]}.intersection(known):
                found.add(host)
        return frozenset(found)

    def _waypoint(self, host: Host) -> tuple[str, str] | None:
        """Return the namespace and the name of a Service's waypoint; None: it has none."""
        named = self._named(host)
        if named is None or not self._gateways:  # those that are elsewhere are taken for given
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
        """Return the waypoint that a Service's labels name, or else its namespace's."""
        labels = self._services[host][1]
        source = labels if _USE in labels else self._namespaces.get(host.namespace, {})
        name = source.get(_USE, "none")
        return None if name == "none" else (source.get(_USE_NAMESPACE) or host.namespace, name)

    def _label(self, name: str, host: Host, labels: Mapping[str, str]) -> str:
        return labels.get(name) or self._namespaces.get(host.namespace, {}).get(name, "")
