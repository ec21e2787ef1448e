"""Facts about manifests that several rules need, each computed once."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from pydantic import BaseModel

from lanes.errors import LanesError
from lanes.lint.absent import AbsentHosts
from lanes.lint.routing import (
    Destination,
    Routing,
    RuleMatch,
    at_gateway,
    destinations_of,
    in_mesh,
    of_route,
    of_service,
)
from lanes.lint.subsets import Subsets
from lanes.lint.workloads import Workload, workloads_of
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host, Mesh, Pod
from lanes.planning.call_graph import CallGraph, call_graph, called_by
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading import kinds, providers
from lanes.reading.destinations import Destinations
from lanes.reading.kinds.http_route import referred
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.protocols import has_http

Kind = TypeVar("Kind", bound=BaseModel)
Violation = tuple[Resource, str, str]
"""A resource, the field in it that is wrong, and the message."""


class Facts:
    """The resources of manifests, and the mesh that they make.

    `planned`: whether the mesh holds everything that the manifests describe. Only then is there a
    plan.
    """

    def __init__(
        self, manifests: Manifests, mesh: Mesh, destinations: Destinations, *, planned: bool
    ) -> None:
        self.manifests = manifests
        self.mesh = mesh
        self._planned = planned
        self._mesh_destinations = destinations
        self._violations: dict[Check, tuple[Violation, ...]] = {}

    def violations(self, check: "Check") -> tuple[Violation, ...]:
        """Return what a rule's check yields. Rules may ask for the violations of another rule."""
        if check not in self._violations:
            self._violations[check] = tuple(check(self))
        return self._violations[check]

    @cached_property
    def plan(self) -> Plan | None:
        """The plan; None if the manifests cannot be planned."""
        try:
            return plan(self.mesh) if self._planned else None
        except LanesError:
            return None

    def of(self, kind: type[Kind]) -> Iterator[tuple[Resource, Kind]]:
        """Yield the resources of a kind."""
        return self.manifests.of(kind)

    @cached_property
    def kind_names(self) -> set[str]:
        """The kinds of all resources, including those that have no model."""
        return {one.kind for one in (*self.manifests.resources, *self.manifests.others)}

    @cached_property
    def absent_hosts(self) -> AbsentHosts:
        return AbsentHosts(self.manifests)

    @cached_property
    def services(self) -> dict[Host, tuple[Resource, kinds.Service]]:
        return {Host(r.name, r.namespace): (r, body) for r, body in self.of(kinds.Service)}

    def ports(self, host: Host) -> list[int]:
        """Return the ports of a Service; [] if they are unknown or defined several times."""
        spec = self.services[host][1].spec
        known = spec.type != "ExternalName" and self.absent_hosts.is_defined_once(host)
        return [port.port for port in spec.ports] if known else []

    def pod_ports(self, host: Host) -> list[int]:
        """Return the target ports of a Service that are numbers."""
        numbers = [port.target_port or port.port for port in self.services[host][1].spec.ports]
        return [number for number in numbers if isinstance(number, int)]

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        return tuple(workloads_of(self.manifests))

    @cached_property
    def _workloads_by_service(self) -> dict[Host, tuple[Workload, ...]]:
        by_place = {_place(w.resource): w for w in self.workloads}
        found = {}
        for host in self._mesh_destinations.hosts().keys() & self.services.keys():
            places = dict.fromkeys(map(_place_of_pod, self._mesh_destinations.pods(host)))
            found[host] = tuple(by_place[place] for place in places if place in by_place)
        return found

    def workloads_of(self, host: Host | None) -> tuple[Workload, ...]:
        """Return the workloads whose pods a Service selects."""
        return self._workloads_by_service.get(host, ()) if host else ()

    @cached_property
    def _pods_by_place(self) -> dict[tuple[str, str, str], Pod]:
        return {_place_of_pod(pod): pod for pod in self.mesh.pods}

    def pod_of(self, workload: Workload) -> Pod | None:
        """Return a pod of a workload; None if it has no pods."""
        return self._pods_by_place.get(_place(workload.resource))

    @cached_property
    def _calls(self) -> CallGraph:
        return call_graph(self.mesh)

    @cached_property
    def _has_calls(self) -> bool:
        return any(called_by(self._calls, port) for port in self.mesh.ports)

    def is_leaf(self, host: Host, pod: Pod) -> bool:
        """Tell whether a Service's pod is known to call no Service.

        It is known if the manifests tell the calls of this pod, or of any other.
        """
        calls = self._calls.of((host,), (pod,))
        return not calls and (self._has_calls or self._calls.knows(host, (pod,)))

    @cached_property
    def virtual_services(self) -> tuple[tuple[Resource, kinds.VirtualService], ...]:
        return tuple(self.of(kinds.VirtualService))

    @cached_property
    def routing(self) -> tuple[Routing, ...]:
        """Every VirtualService, then every HTTPRoute."""
        services = (of_service(resource, body) for resource, body in self.virtual_services)
        return (*services, *(of_route(*one) for one in self.of(kinds.HTTPRoute)))

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """Every destination of every VirtualService's HTTP rules."""
        return tuple(
            destination
            for routing in self.routing
            for destination in destinations_of(routing, in_force=self.in_force(routing.resource))
        )

    @cached_property
    def _in_force(self) -> dict[int, bool]:
        return {
            id(resource): at_gateway(service)
            or not service.spec.hosts
            or any(self._carries_http(name, resource) for name in service.spec.hosts)
            for resource, service in self.virtual_services
        }

    def in_force(self, resource: Resource) -> bool:
        """Tell whether a VirtualService applies to any request; True for an HTTPRoute.

        In the mesh it applies to none if each of its hosts is absent or carries no HTTP.
        """
        return self._in_force.get(id(resource), True)

    def _carries_http(self, name: str, resource: Resource) -> bool:
        host = host_in_manifest(name, resource.namespace)
        if host in self.services:
            return has_http(self.services[host][1].spec)
        return self.absent_hosts.reason(name, resource) is None

    @cached_property
    def mesh_hosts(self) -> dict[Host, list[tuple[Resource, kinds.VirtualService]]]:
        """The VirtualServices for callers in the mesh, by the Services that they are for."""
        found: dict[Host, list[tuple[Resource, kinds.VirtualService]]] = {}
        for resource, body in self.virtual_services:
            for name in body.spec.hosts if in_mesh(body) else ():
                host = host_in_manifest(name, resource.namespace)
                if host is not None:
                    found.setdefault(host, []).append((resource, body))
        return found

    @cached_property
    def rules_by_service(self) -> dict[Host, list[Resource]]:
        """The resources with HTTP rules for a Service's callers in the mesh, by Service."""
        found: dict[Host, list[Resource]] = {host: [] for host in sorted(self.services)}
        for host, named in self.mesh_hosts.items():
            if host in found:
                found[host] += [resource for resource, body in named if body.spec.http]
        for resource, route in self.of(kinds.HTTPRoute):
            for ref in route.spec.parent_refs:
                host = referred(ref, resource.namespace)
                if ref.of_mesh and host in found:
                    found[host].append(resource)
        return {host: rules for host, rules in found.items() if rules}

    @cached_property
    def routed_services(self) -> tuple[Host, ...]:
        """The Services that rules are for, or route to."""
        found = {*self.mesh_hosts, *(destination.host for destination in self.destinations)}
        for resource, route in self.of(kinds.HTTPRoute):
            namespace, rules = resource.namespace, route.spec.rules
            found |= {referred(ref, namespace) for ref in route.spec.parent_refs if ref.of_mesh}
            found |= {referred(ref, namespace) for rule in rules for ref in rule.backend_refs}
        return tuple(sorted(self.services.keys() & found))

    @cached_property
    def routed_workloads(self) -> tuple[tuple[Workload, Host], ...]:
        """The workloads behind those Services, each with one of them."""
        found = {id(w): (w, host) for host in self.routed_services for w in self.workloads_of(host)}
        return tuple(found.values())

    @cached_property
    def subsets(self) -> Subsets:
        return Subsets(self.manifests)

    @cached_property
    def matches(self) -> tuple[tuple[Routing, RuleMatch], ...]:
        """Every match of every rule."""
        return tuple((one, m) for one in self.routing for rule in one.rules for m in rule.matches)

    @cached_property
    def mesh_matches(self) -> tuple[tuple[Routing, RuleMatch], ...]:
        """The matches of rules for callers in the mesh."""
        return tuple((routing, match) for routing, match in self.matches if routing.in_mesh)

    @cached_property
    def set_headers(self) -> frozenset[str]:
        """The request headers that rules set or add."""
        return frozenset(
            name
            for routing in self.routing
            for number, rule in enumerate(routing.rules)
            if not self._is_overridden(routing, number)
            for changes in (rule.changes, *rule.destination_changes)
            for name in (*changes.set, *changes.add)
        )

    def _is_overridden(self, routing: Routing, number: int) -> bool:
        """Tell whether a rule's delegate replaces the rule's header changes by its own.

        https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
        """
        body = routing.resource.body
        if not isinstance(body, kinds.VirtualService):
            return False
        delegate = body.spec.http[number].delegate
        if delegate is None:
            return False
        key = delegate.name, delegate.namespace or routing.resource.namespace
        rules = [
            http
            for one, body in self.virtual_services
            if (one.name, one.namespace) == key
            for http in body.spec.http
        ]
        return bool(rules) and all("headers" in one.model_fields_set for one in rules)

    def propagates(self, header: str) -> bool:
        """Tell whether anything in the mesh propagates a header from call to call."""
        somewhere = providers.propagation_somewhere(self.manifests)
        return header == "baggage" or somewhere.covers(header)


Check = Callable[[Facts], Iterable[Violation]]


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource.namespace, resource.source, str(resource)


def _place_of_pod(pod: Pod) -> tuple[str, str, str]:
    return pod.namespace, pod.place.file, pod.place.resource
