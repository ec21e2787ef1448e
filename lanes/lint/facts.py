"""What rules look up: which pods a Service has, what routes lead where, what stamps a header."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lanes.lint.documents import Resource
from lanes.lint.hosts import Hosts
from lanes.lint.match import Match, matches_of, unreached
from lanes.lint.ports import no_http
from lanes.lint.value import Value
from lanes.mesh.hostnames import covers, host_in_manifest
from lanes.model import Host

ISTIO = "networking.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"

_TEMPLATED = {
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("argoproj.io", "Rollout"),
}


@dataclass(frozen=True)
class Workload:
    """What makes pods, and the pods' metadata and spec in it."""

    resource: Resource
    template: Value

    @cached_property
    def labels(self) -> dict[str, str]:
        return self.template["metadata"]["labels"].texts

    @cached_property
    def annotations(self) -> dict[str, str]:
        return self.template["metadata"]["annotations"].texts

    @cached_property
    def spec(self) -> Value:
        return self.template["spec"]

    @property
    def namespace(self) -> str:
        return self.resource.namespace


@dataclass(frozen=True)
class Leg:
    """A destination of a VirtualService's rule."""

    service: Resource
    rule: Value
    value: Value
    host: Host | None  # None: no Service's name
    subset: str
    counts: bool  # whether any request gets to its rule

    @property
    def idle(self) -> bool:
        """Whether it is one of several and gets no share."""
        several = len(list(self.rule["route"])) > 1
        return several and not self.value["weight"].number

    @property
    def live(self) -> bool:
        """Whether requests get to it."""
        return self.counts and not self.idle

    @property
    def falls_back(self) -> bool:
        return bool(self.value["fallback"])


class Facts:
    """The resources of manifests, and what can be said of them together."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        own: list[Resource] = []
        self.again: list[tuple[Resource, Resource]] = []
        """What stands twice, and where it stands first; two that are alike are one."""
        seen: dict[tuple[str, str, str, str], list[Resource]] = {}
        for resource in resources:
            others = seen.setdefault(resource.identity, []) if resource.name else []
            if any(other.contents == resource.contents for other in others):
                continue
            self.again += [(resource, first) for first in others[:1]]
            others.append(resource)
            own.append(resource)
        self.resources = tuple(own)

    def of(self, group: str, *kinds: str) -> Iterator[Resource]:
        """The resources of a group, of some kinds or of any."""
        for resource in self.resources:
            if resource.group == group and (not kinds or resource.kind in kinds):
                yield resource

    @cached_property
    def hosts(self) -> Hosts:
        return Hosts(self.resources)

    @cached_property
    def services(self) -> dict[Host, Resource]:
        return {Host(r.name, r.namespace): r for r in self.of("", "Service")}

    def ports(self, host: Host) -> list[int]:
        """The ports of a Service; none where they are not told, or told by several resources."""
        service = self.services.get(host)
        if service is None or service.spec["type"].text == "ExternalName":
            return []
        numbers = [port["port"].number for port in service.spec["ports"]]
        known = [number for number in numbers if number is not None]
        return known if len(known) == len(numbers) and self.hosts.once(host) else []

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        templated = [
            Workload(resource, resource.spec["template"])
            for resource in self.resources
            if (resource.group, resource.kind) in _TEMPLATED and resource.spec["template"]
        ]
        return (*templated, *(Workload(pod, pod.body) for pod in self.of("", "Pod")))

    @cached_property
    def _pods(self) -> dict[Host, tuple[Workload, ...]]:
        return {host: tuple(self._selected(service)) for host, service in self.services.items()}

    @cached_property
    def _labelled(self) -> dict[tuple[str, str, str], list[Workload]]:
        """What makes pods, by its namespace and each of its labels."""
        found: dict[tuple[str, str, str], list[Workload]] = {}
        for workload in self.workloads:
            for label in workload.labels.items():
                found.setdefault((workload.namespace, *label), []).append(workload)
        return found

    def _selected(self, service: Resource) -> Iterator[Workload]:
        selector = service.spec["selector"].texts.items()
        few = [self._labelled.get((service.namespace, *label), []) for label in selector]
        for workload in min(few, key=len, default=[]):
            if selector <= workload.labels.items():
                yield workload

    def pods(self, host: Host | None) -> tuple[Workload, ...]:
        """What makes the pods behind a Service."""
        return self._pods.get(host, ()) if host else ()

    @cached_property
    def virtual_services(self) -> tuple[Resource, ...]:
        return tuple(self.of(ISTIO, "VirtualService"))

    @cached_property
    def http_routes(self) -> tuple[Resource, ...]:
        return tuple(self.of(GATEWAY_API, "HTTPRoute"))

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """Every destination of every VirtualService's HTTP rules."""
        return tuple(
            Leg(
                service,
                rule,
                leg,
                host_in_manifest(leg["destination"]["host"].text, service.namespace),
                leg["destination"]["subset"].text,
                counts,
            )
            for service in self.virtual_services
            for rule, counts in self._counting(service)
            for leg in rule["route"]
        )

    @cached_property
    def _unreached(self) -> dict[int, list[Value]]:
        return {id(service): unreached(service) for service in self.virtual_services}

    def unreached(self, service: Resource) -> list[Value]:
        """A VirtualService's rules that no request gets to."""
        return self._unreached[id(service)]

    def _counting(self, service: Resource) -> Iterator[tuple[Value, bool]]:
        """A VirtualService's HTTP rules, and whether any request gets to each."""
        in_force = self.in_force(service)
        behind = {rule.field for rule in self.unreached(service)}
        for rule in service.spec["http"]:
            yield rule, in_force and rule.field not in behind

    def in_force(self, service: Resource) -> bool:
        """Whether the rules of a VirtualService count for anybody.

        In the mesh they don't where none of its hosts is there, or carries HTTP.
        """
        names = [value.text for value in service.spec["hosts"]]
        if at_gateway(service) or not names:
            return True
        return any(self._carries(name, service) for name in names)

    def _carries(self, name: str, service: Resource) -> bool:
        host = host_in_manifest(name, service.namespace)
        there = self.services.get(host) if host else None
        if there is not None:
            return not no_http(there)
        return self.hosts.absent(name, service) is None

    @cached_property
    def mesh_hosts(self) -> dict[Host, list[tuple[Resource, Value]]]:
        """The hosts for whose callers in the mesh VirtualServices have rules, and where."""
        found: dict[Host, list[tuple[Resource, Value]]] = {}
        for service in self.virtual_services:
            for value in service.spec["hosts"] if in_mesh(service) else ():
                host = host_in_manifest(value.text, service.namespace)
                if host is not None:
                    found.setdefault(host, []).append((service, value))
        return found

    @cached_property
    def routed(self) -> frozenset[Host]:
        """The Services that rules lead to, or are for."""
        backends = (
            Host(ref["name"].text, ref["namespace"].text or route.namespace)
            for route in self.http_routes
            for refs in (
                route.spec["parentRefs"],
                *(rule["backendRefs"] for rule in route.spec["rules"]),
            )
            for ref in refs
            if ref["kind"].text in ("", "Service")
        )
        legs = (leg.host for leg in self.legs if leg.host)
        return frozenset(self.services) & {*self.mesh_hosts, *legs, *backends}

    @cached_property
    def _destination_rules(self) -> dict[Host | str, list[Resource]]:
        """The DestinationRules, by the one Service that each is for, or by its wildcard."""
        found: dict[Host | str, list[Resource]] = {}
        for rule in self.of(ISTIO, "DestinationRule"):
            name = rule.spec["host"].text
            key = name if name.startswith("*") else host_in_manifest(name, rule.namespace)
            if key is not None:
                found.setdefault(key, []).append(rule)
        return found

    @cached_property
    def _wildcards(self) -> tuple[str, ...]:
        return tuple(key for key in self._destination_rules if isinstance(key, str))

    def destination_rules(self, host: Host) -> list[Resource]:
        """The DestinationRules for a Service, in whatever namespace; wildcards' come last."""
        keys: list[Host | str] = [host]
        keys += [name for name in self._wildcards if covers(name, host.fqdn)]
        return [rule for key in keys for rule in self._destination_rules.get(key, [])]

    def subsets(self, host: Host) -> dict[str, Value]:
        """The subsets of a Service, by name."""
        return {
            subset["name"].text: subset
            for rule in self.destination_rules(host)
            for subset in rule.spec["subsets"]
        }

    @cached_property
    def matched(self) -> tuple[tuple[Resource, Match], ...]:
        """What rules for callers in the mesh match, and in which resource."""
        routes = (r for r in self.http_routes if of_mesh(r))
        return tuple(
            (resource, match)
            for resource in (*filter(in_mesh, self.virtual_services), *routes)
            for match in matches_of(resource)
        )

    @cached_property
    def propagated(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The headers that an ASMHeaderPropagation hands on, and the prefixes of such."""
        specs = [r.spec for r in self.of("istio.alibabacloud.com", "ASMHeaderPropagation")]
        headers = (value.text.lower() for spec in specs for value in spec["headers"])
        prefixes = (value.text.lower() for spec in specs for value in spec["headerPrefix"])
        return frozenset(headers), tuple(prefixes)

    def hands_on(self, header: str) -> bool:
        """Whether something in the mesh hands a header on from call to call, by these manifests."""
        headers, prefixes = self.propagated
        return header == "baggage" or header in headers or header.startswith(tuple(prefixes))


def in_mesh(service: Resource) -> bool:
    """Whether a VirtualService is for callers in the mesh: where it names no gateway, it is."""
    names = [value.text for value in service.spec["gateways"]]
    return bool(service.spec["hosts"]) and (not names or "mesh" in names)


def at_gateway(service: Resource) -> bool:
    """Whether a VirtualService is bound to a gateway."""
    return any(value.text != "mesh" for value in service.spec["gateways"])


def of_mesh(route: Resource) -> bool:
    """Whether an HTTPRoute is bound to a Service."""
    return any(ref["kind"].text == "Service" for ref in route.spec["parentRefs"])
