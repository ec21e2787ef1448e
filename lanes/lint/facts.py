"""What rules look up: which pods a Service has, what rules match, and where they lead."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from pydantic import BaseModel

from lanes.errors import LanesError
from lanes.lint.absent import AbsentHosts
from lanes.lint.routing import (
    Asked,
    HttpRule,
    Leg,
    Routing,
    at_gateway,
    in_mesh,
    of_route,
    of_service,
)
from lanes.lint.subsets import Subsets
from lanes.lint.workloads import Workload, workloads_of
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host, Mesh, Pod
from lanes.planning.call_graph import CallGraph, call_graph, known_calls
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading import kinds, providers
from lanes.reading.destinations import Destinations
from lanes.reading.kinds.http_route import referred
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.protocols import has_http
from lanes.reading.virtual_services import taken_before

Kind = TypeVar("Kind", bound=BaseModel)
VirtualService = tuple[Resource, kinds.VirtualService]
Found = tuple[Resource, str, str]
"""A resource, the field in it that is wrong, and the sentence about it."""


class Facts:
    """The resources of manifests, and the mesh that they make.

    `planned`: whether the mesh is all that they describe, so that there may be a plan.
    """

    def __init__(
        self, manifests: Manifests, mesh: Mesh, destinations: Destinations, *, planned: bool
    ) -> None:
        self.manifests = manifests
        self.mesh = mesh
        self._planned = planned
        self._destinations = destinations
        self._found: dict[Check, tuple[Found, ...]] = {}

    def found(self, check: "Check") -> tuple[Found, ...]:
        """What a rule finds here; others may ask it too."""
        if check not in self._found:
            self._found[check] = tuple(check(self))
        return self._found[check]

    @cached_property
    def plan(self) -> Plan | None:
        """The plan; None: these manifests have none."""
        try:
            return plan(self.mesh) if self._planned else None
        except LanesError:
            return None

    def of(self, kind: type[Kind]) -> Iterator[tuple[Resource, Kind]]:
        """The resources of a kind."""
        return self.manifests.of(kind)

    @cached_property
    def kind_names(self) -> set[str]:
        """The kinds of all resources, with those that have no model."""
        return {one.kind for one in (*self.manifests.resources, *self.manifests.others)}

    @cached_property
    def absent(self) -> AbsentHosts:
        return AbsentHosts(self.manifests)

    @cached_property
    def services(self) -> dict[Host, tuple[Resource, kinds.Service]]:
        return {Host(r.name, r.namespace): (r, body) for r, body in self.of(kinds.Service)}

    def ports(self, host: Host) -> list[int]:
        """The ports of a Service; none where they are unknown, or several resources define them."""
        spec = self.services[host][1].spec
        known = spec.type != "ExternalName" and self.absent.once(host)
        return [port.port for port in spec.ports] if known else []

    def targets(self, host: Host) -> list[int]:
        """The ports of the pods behind a Service, as far as the Service has their numbers."""
        numbers = [port.target_port or port.port for port in self.services[host][1].spec.ports]
        return [number for number in numbers if isinstance(number, int)]

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        return tuple(workloads_of(self.manifests))

    @cached_property
    def _pods(self) -> dict[Host, tuple[Workload, ...]]:
        """What makes the pods that each Service selects in the mesh."""
        made = {_place(w.resource): w for w in self.workloads}
        found = {}
        for host in self._destinations.hosts().keys() & self.services.keys():
            places = (
                (p.namespace, p.place.file, p.place.resource) for p in self._destinations.pods(host)
            )
            found[host] = tuple(made[place] for place in dict.fromkeys(places) if place in made)
        return found

    def pods(self, host: Host | None) -> tuple[Workload, ...]:
        """What makes the pods behind a Service."""
        return self._pods.get(host, ()) if host else ()

    @cached_property
    def _made(self) -> dict[tuple[str, str, str], Pod]:
        return {(p.namespace, p.place.file, p.place.resource): p for p in self.mesh.pods}

    @cached_property
    def _calls(self) -> CallGraph:
        return call_graph(self.mesh)

    @cached_property
    def _some_calls(self) -> bool:
        return bool(known_calls(self._calls))

    def is_leaf(self, host: Host, pod: Pod) -> bool:
        """Tell whether a Service's pod calls nobody, as far as is known of it or of others."""
        calls = self._calls.of((host,), (pod,))
        return not calls and (self._some_calls or self._calls.knows(host, (pod,)))

    def pod(self, workload: Workload) -> Pod | None:
        """A pod that a workload makes; None: it makes none."""
        return self._made.get(_place(workload.resource))

    @cached_property
    def virtual_services(self) -> tuple[VirtualService, ...]:
        return tuple(self.of(kinds.VirtualService))

    @cached_property
    def routing(self) -> tuple[Routing, ...]:
        """Every VirtualService, then every HTTPRoute."""
        services = (of_service(resource, body) for resource, body in self.virtual_services)
        return (*services, *(of_route(*one) for one in self.of(kinds.HTTPRoute)))

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """Every destination of every VirtualService's HTTP rules."""
        return tuple(
            Leg(
                resource,
                service,
                rule,
                f"spec.http[{number}]",
                http,
                f"spec.http[{number}].route[{index}]",
                host_in_manifest(http.destination.host, resource.namespace),
                in_force and number not in unreachable,
            )
            for resource, service in self.virtual_services
            for in_force in [self.in_force(resource)]
            for unreachable in [self.unreachable(resource)]
            for number, rule in enumerate(service.spec.http)
            for index, http in enumerate(rule.route)
        )

    @cached_property
    def _taken_before(self) -> dict[int, tuple[tuple[int | None, ...], ...]]:
        return {id(r): taken_before(r, body) for r, body in self.virtual_services}

    def taken_before(self, resource: Resource) -> tuple[tuple[int | None, ...], ...]:
        """For each match of each rule of a VirtualService, the rule that takes its requests."""
        return self._taken_before.get(id(resource), ())

    def unreachable(self, resource: Resource) -> Mapping[int, int]:
        """The rules that no request gets to, each with the rule that takes its requests."""
        found: dict[int, int] = {}
        for number, each in enumerate(self.taken_before(resource)):
            takers = [taker for taker in each if taker is not None]
            if len(takers) == len(each):
                found[number] = min(takers)
        return found

    @cached_property
    def _in_force(self) -> dict[int, bool]:
        return {
            id(resource): at_gateway(service)
            or not service.spec.hosts
            or any(self._carries(name, resource) for name in service.spec.hosts)
            for resource, service in self.virtual_services
        }

    def in_force(self, resource: Resource) -> bool:
        """Tell whether the rules of a VirtualService count for anybody.

        In the mesh they don't where none of its hosts is there, or carries HTTP.
        """
        return self._in_force[id(resource)]

    def _carries(self, name: str, resource: Resource) -> bool:
        host = host_in_manifest(name, resource.namespace)
        if host in self.services:
            return has_http(self.services[host][1].spec)
        return self.absent.of(name, resource) is None

    @cached_property
    def mesh_hosts(self) -> dict[Host, list[tuple[Resource, kinds.VirtualService, str]]]:
        """The hosts for whose callers in the mesh VirtualServices have rules, and where."""
        found: dict[Host, list[tuple[Resource, kinds.VirtualService, str]]] = {}
        for resource, body in self.virtual_services:
            for index, name in enumerate(body.spec.hosts if in_mesh(body) else ()):
                host = host_in_manifest(name, resource.namespace)
                if host is not None:
                    found.setdefault(host, []).append((resource, body, f"spec.hosts[{index}]"))
        return found

    @cached_property
    def ruled(self) -> dict[Host, list[Resource]]:
        """What has HTTP rules for the callers of each Service here, in the mesh."""
        found: dict[Host, list[Resource]] = {host: [] for host in sorted(self.services)}
        for host, named in self.mesh_hosts.items():
            if host in found:
                found[host] += [resource for resource, body, _ in named if body.spec.http]
        for resource, route in self.of(kinds.HTTPRoute):
            for ref in route.spec.parent_refs:
                host = referred(ref, resource.namespace)
                if ref.of_mesh and host in found:
                    found[host].append(resource)
        return {host: rules for host, rules in found.items() if rules}

    @cached_property
    def routed(self) -> tuple[Host, ...]:
        """The Services that rules lead to, or are for."""
        found = {*self.mesh_hosts, *(leg.host for leg in self.legs)}
        for resource, route in self.of(kinds.HTTPRoute):
            own, rules = resource.namespace, route.spec.rules
            found |= {referred(ref, own) for ref in route.spec.parent_refs if ref.of_mesh}
            found |= {referred(ref, own) for rule in rules for ref in rule.backend_refs}
        return tuple(sorted(self.services.keys() & found))

    @cached_property
    def routed_pods(self) -> tuple[tuple[Workload, Host], ...]:
        """What makes pods behind those Services, each with one of them."""
        found = {id(w): (w, host) for host in self.routed for w in self.pods(host)}
        return tuple(found.values())

    @cached_property
    def subsets(self) -> Subsets:
        return Subsets(self.manifests)

    @cached_property
    def asked(self) -> tuple[tuple[Routing, Asked], ...]:
        """Every match of every rule."""
        return tuple((one, a) for one in self.routing for rule in one.rules for a in rule.asked)

    @cached_property
    def asked_in_mesh(self) -> tuple[tuple[Routing, Asked], ...]:
        """What rules for callers in the mesh match."""
        return tuple((one, asked) for one, asked in self.asked if one.in_mesh)

    @cached_property
    def set_headers(self) -> frozenset[str]:
        """The headers that rules set or add on requests."""
        rules = (r for one in self.routing for r in one.rules if not self._replaced(one, r))
        changes = (ops for rule in rules for ops in (rule.request, *rule.legs))
        return frozenset(name for ops in changes for name in (*ops.set, *ops.add))

    def _replaced(self, routing: Routing, rule: HttpRule) -> bool:
        """Tell whether the headers of a rule's delegate, which it has of its own, replace a rule's.

        https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
        """
        body = routing.resource.body
        if not isinstance(body, kinds.VirtualService):
            return False
        delegate = body.spec.http[routing.rules.index(rule)].delegate
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
        """Tell whether something in the mesh hands a header on from call to call."""
        somewhere = providers.propagation_somewhere(self.manifests)
        return header == "baggage" or somewhere.covers(header)


Check = Callable[[Facts], Iterable[Found]]


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource.namespace, resource.source, str(resource)
