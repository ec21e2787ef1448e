"""What rules each Service for its callers: a VirtualService, or HTTPRoutes."""

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

Read = tuple[Resource, kinds.VirtualService]
"""A VirtualService, and where it was read."""


@dataclass(frozen=True)
class ServiceRules:
    """What rules Services for some callers.

    `owners`: the VirtualServices of each Service: those that name it, else the closest wildcard's.
    Of several, the first that has a rule for a call counts. `bound`: the HTTPRoutes of each
    Service's ports. `marks`: Services for which that is not supported, and why. `literal`: the
    VirtualServices of each host that is no Service.
    """

    owners: Mapping[Host, list[Read]]
    bound: Mapping[Host, Mapping[int, list[Bound]]]
    marks: Mapping[Host, str]
    literal: Mapping[str, list[Read]]

    def is_alike(self, other: "ServiceRules", host: Host) -> bool:
        """Tell whether another one rules a Service by the same."""
        return self.owners.get(host) == other.owners.get(host) and (
            self.bound.get(host) == other.bound.get(host)
        )


def are_for_some(reads: Iterable[Read]) -> bool:
    """Tell whether VirtualServices have rules for some callers alone."""
    rules = (http for _, body in reads for http in body.spec.http)
    return any(names_callers(match) for http in rules for match in http.match)


def depends_on_caller(manifests: Manifests, bound: AtServices) -> bool:
    """Tell whether what rules a Service depends on who calls it."""
    services = (body.spec for _, body in manifests.of(kinds.VirtualService))
    some = bool(bound.consumers) or any(is_restricted(spec.export_to) for spec in services)
    return some or any(True for _ in manifests.of(kinds.Sidecar))


def _candidates(manifests: Manifests, caller: Caller) -> list[tuple[int, Read]]:
    """The VirtualServices that count for a caller: its namespace's private ones come first, then
    those that name it; of each, the older.
    """
    found = []
    for resource, body in manifests.of(kinds.VirtualService):
        own = body.metadata.namespace
        level = level_in(body.spec.export_to, own, caller.namespace)
        if level is None or "mesh" not in body.spec.gateways or not body.spec.http:
            continue
        if caller.imports_rules(own, (meant(name, own).fqdn for name in body.spec.hosts)):
            found.append((level, (resource, body)))
    return sorted(found, key=lambda one: (one[0], age_of(one[1][1].metadata)))


def service_rules(
    manifests: Manifests,
    destinations: Destinations,
    at: AtServices,
    caller: Caller,
    served: Collection[str],
) -> ServiceRules:
    """Return what rules Services for a caller. What a gateway has `served` may be no Service."""
    found = _Found(destinations, at, caller, served)
    for level, read in _candidates(manifests, caller):
        for index, name in enumerate(read[1].spec.hosts):
            field = f"spec.hosts[{index}]"
            if name.startswith("*"):
                found.take_wild(level, read, field, name)
            else:
                found.take(level, read, field, name)
    return found.all()


class _Found:
    """Takes VirtualServices in the order in which they count."""

    def __init__(
        self,
        destinations: Destinations,
        at: AtServices,
        caller: Caller,
        served: Collection[str],
    ) -> None:
        self._destinations, self._served = destinations, served
        self._bound = at.for_caller(caller)
        self._marks = dict(at.marks)
        self._owners: dict[Host, list[Read]] = {}
        self._wild: dict[str, list[Read]] = {}
        self._literal: dict[str, list[Read]] = {}
        self._levels: dict[Host | str, int] = {}

    def take_wild(self, level: int, read: Read, field: str, name: str) -> None:
        """Take one for all hosts that end so."""
        self._warn_of_first(level, read, field, name, self._wild.setdefault(name, []))
        self._wild[name].append(read)

    def take(self, level: int, read: Read, field: str, name: str) -> None:
        """Take one for the host of this name."""
        resource, body = read
        namespace, destinations = body.metadata.namespace, self._destinations
        is_service = destinations.is_service(name, namespace)
        at_gateway = len(body.spec.gateways) > 1 and any(
            covers(domain, name.lower()) for domain in self._served
        )
        if not is_service and not meant(name, namespace).namespace:
            literal = name.lower()
            self._warn_of_first(level, read, field, literal, self._literal.setdefault(literal, []))
            self._literal[literal].append(read)
            if not at_gateway:
                destinations.warn_no_service(resource, field, name, namespace)
        elif is_service or not at_gateway:
            with destinations.diagnostics.gathered():
                if host := destinations.service_named(resource, field, name, namespace):
                    self._take_service(level, read, field, name, host)

    def _take_service(self, level: int, read: Read, field: str, name: str, host: Host) -> None:
        if host in self._bound:
            other = next(iter(self._bound[host].values()))[0][0].name
            problem = f"{name} already has HTTPRoute {other}; keep one kind"
            error = read[0].error(field, problem)
            self._marks[host] = self._destinations.diagnostics.error(error)
        self._warn_of_first(level, read, field, host, self._owners.setdefault(host, []))
        self._owners[host].append(read)

    def _warn_of_first(
        self, level: int, read: Read, field: str, host: Host | str, first: list[Read]
    ) -> None:
        """Warn of one that counts only where those `first` have no rule for a call.

        What is exported otherwise counts in its own order, and for other callers.
        """
        if first and self._levels[host] == level and all(read[1] is not one for _, one in first):
            resource, body = first[0]
            why = why_first(body.metadata, read[1].metadata)
            alike = resource.name == read[0].name
            name = f"that of namespace {resource.namespace}" if alike else resource.name
            message = f"sidecars apply one VirtualService to a host, {name}, {why}"
            self._destinations.diagnostics.warn(read[0].finding("second-rules", field, message))
        self._levels.setdefault(host, level)

    def all(self) -> ServiceRules:
        """Return what was found; a wildcard counts where nothing else does."""
        hosts, owners = self._destinations.hosts(), dict(self._owners)
        for host in hosts if self._wild else ():
            covering = [name for name in self._wild if covers(name, host.fqdn)]
            if covering and host not in owners and host not in self._bound:
                owners[host] = self._wild[max(covering, key=len)][:1]
        every = [host.fqdn for host in hosts]
        of_none = {
            name: reads
            for name, reads in self._wild.items()
            if not any(covers(name, host) for host in every)
        }
        return ServiceRules(owners, self._bound, self._marks, {**self._literal, **of_none})
