"""Finds the VirtualServices and HTTPRoutes that apply to each Service, for each caller."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lanes.mesh.hostnames import covers, meant
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.age import age_of, why_first
from lanes.reading.destinations import Destinations
from lanes.reading.exported import is_restricted, level_in
from lanes.reading.httproutes import Bound
from lanes.reading.imports import Caller
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.match_scope import names_callers
from lanes.reading.parents import AtServices

Entry = tuple[Resource, kinds.VirtualService]
"""A VirtualService as a resource, and its typed body."""


@dataclass(frozen=True)
class ServiceRules:
    """The rules that apply to Services for a caller.

    `virtual_services`: those that name a Service, else the one with the closest wildcard. The first
    that has a rule for a call applies. `http_routes`: by Service and port. `unsupported`: why the
    rules of a Service are not supported. `other_hosts`: the VirtualServices of each host that is
    not a Service.
    """

    virtual_services: Mapping[Host, list[Entry]]
    http_routes: Mapping[Host, Mapping[int, list[Bound]]]
    unsupported: Mapping[Host, str]
    other_hosts: Mapping[str, list[Entry]]

    def is_alike(self, other: "ServiceRules", host: Host) -> bool:
        """Tell whether a Service has the same rules for another caller."""
        return self.virtual_services.get(host) == other.virtual_services.get(host) and (
            self.http_routes.get(host) == other.http_routes.get(host)
        )


def have_caller_matches(entries: Iterable[Entry]) -> bool:
    """Tell whether VirtualServices match callers by labels or namespace."""
    rules = (http for _, body in entries for http in body.spec.http)
    return any(names_callers(match) for http in rules for match in http.match)


def depends_on_caller(manifests: Manifests, at_services: AtServices) -> bool:
    """Tell whether the VirtualServices or HTTPRoutes of a Service depend on the caller."""
    specs = (body.spec for _, body in manifests.of(kinds.VirtualService))
    restricted = any(is_restricted(spec.export_to) for spec in specs)
    return restricted or bool(at_services.consumers) or any(manifests.of(kinds.Sidecar))


def service_rules(
    manifests: Manifests,
    destinations: Destinations,
    at_services: AtServices,
    caller: Caller,
    gateway_domains: Collection[str],
) -> ServiceRules:
    """Return the rules that apply to Services for a caller."""
    collector = _Collector(destinations, at_services, caller, gateway_domains)
    for level, entry in _candidates(manifests, caller):
        for index, name in enumerate(entry[1].spec.hosts):
            field = f"spec.hosts[{index}]"
            if name.startswith("*"):
                collector.add_wildcard(level, entry, field, name)
            else:
                collector.add(level, entry, field, name)
    return collector.rules()


def _candidates(manifests: Manifests, caller: Caller) -> list[tuple[int, Entry]]:
    """Return the VirtualServices for a caller, each with how it is exported to its namespace.

    Private ones of that namespace come first, then those exported to it by name, then those
    exported to all; of each, the oldest.
    """
    candidates = []
    for resource, body in manifests.of(kinds.VirtualService):
        namespace = body.metadata.namespace
        level = level_in(body.spec.export_to, namespace, caller.namespace)
        if level is None or "mesh" not in body.spec.gateways or not body.spec.http:
            continue
        hosts = (meant(name, namespace).fqdn for name in body.spec.hosts)
        if caller.imports_rules(namespace, hosts):
            candidates.append((level, (resource, body)))
    return sorted(candidates, key=lambda each: (each[0], age_of(each[1][1].metadata)))


class _Collector:
    """Collects VirtualServices, in the order in which they apply, by their hosts."""

    def __init__(
        self,
        destinations: Destinations,
        at_services: AtServices,
        caller: Caller,
        gateway_domains: Collection[str],
    ) -> None:
        self._destinations, self._gateway_domains = destinations, gateway_domains
        self._http_routes = at_services.for_caller(caller)
        self._unsupported = dict(at_services.unsupported)
        self._services: dict[Host, list[Entry]] = {}
        self._wildcards: dict[str, list[Entry]] = {}
        self._other_hosts: dict[str, list[Entry]] = {}
        self._levels: dict[Host | str, int] = {}

    def add_wildcard(self, level: int, entry: Entry, field: str, name: str) -> None:
        """Add a VirtualService for all hosts that `name` covers."""
        self._append(level, entry, field, name, self._wildcards.setdefault(name, []))

    def add(self, level: int, entry: Entry, field: str, name: str) -> None:
        """Add a VirtualService for the host that `name` means.

        A gateway may serve a host that is not a Service.
        """
        resource, body = entry
        namespace, destinations = body.metadata.namespace, self._destinations
        is_service = destinations.is_service(name, namespace)
        at_gateway = len(body.spec.gateways) > 1 and any(
            covers(domain, name.lower()) for domain in self._gateway_domains
        )
        if not is_service and not meant(name, namespace).namespace:
            key = name.lower()
            self._append(level, entry, field, key, self._other_hosts.setdefault(key, []))
            if not at_gateway:
                destinations.warn_no_service(resource, field, name, namespace)
        elif is_service or not at_gateway:
            with destinations.diagnostics.gathered():
                if host := destinations.service_named(resource, field, name, namespace):
                    self._add_service(level, entry, field, name, host)

    def _add_service(self, level: int, entry: Entry, field: str, name: str, host: Host) -> None:
        if host in self._http_routes:
            route = next(iter(self._http_routes[host].values()))[0][0]
            problem = f"{name} already has HTTPRoute {route.name}; keep one kind"
            error = entry[0].error(field, problem)
            self._unsupported[host] = self._destinations.diagnostics.error(error)
        self._append(level, entry, field, host, self._services.setdefault(host, []))

    def _append(
        self, level: int, entry: Entry, field: str, host: Host | str, entries: list[Entry]
    ) -> None:
        """Append an entry to the `entries` of a host, and warn that the first of these wins.

        An entry of another level needs no warning: it is for other callers.
        """
        if entries and self._levels[host] == level and all(entry[1] is not e for _, e in entries):
            resource, body = entries[0]
            why = why_first(body.metadata, entry[1].metadata)
            alike = resource.name == entry[0].name
            name = f"that of namespace {resource.namespace}" if alike else resource.name
            message = f"sidecars apply one VirtualService to a host, {name}, {why}"
            self._destinations.diagnostics.warn(entry[0].finding("second-rules", field, message))
        self._levels.setdefault(host, level)
        entries.append(entry)

    def rules(self) -> ServiceRules:
        """Return the rules of all hosts; a wildcard applies to Services without other rules."""
        hosts, services = self._destinations.hosts(), dict(self._services)
        for host in hosts if self._wildcards else ():
            covering = [name for name in self._wildcards if covers(name, host.fqdn)]
            if covering and host not in services and host not in self._http_routes:
                services[host] = self._wildcards[max(covering, key=len)][:1]
        names = [host.fqdn for host in hosts]
        of_no_service = {
            wildcard: entries
            for wildcard, entries in self._wildcards.items()
            if not any(covers(wildcard, name) for name in names)
        }
        other_hosts = {**self._other_hosts, **of_no_service}
        return ServiceRules(services, self._http_routes, self._unsupported, other_hosts)
