"""What rules each Service for its callers: a VirtualService, or HTTPRoutes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lanes.mesh.hostnames import covers, meant
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.counting import asks_caller
from lanes.reading.destinations import Destinations
from lanes.reading.exported import is_restricted, level_in
from lanes.reading.httproutes import Bound
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.parents import AtServices

Read = tuple[Resource, kinds.VirtualService]
"""A VirtualService, and where it was read."""


@dataclass(frozen=True)
class Ruling:
    """What rules Services for the callers of one namespace.

    `owners`: the VirtualService of each Service: the one that names it, else the closest
    wildcard's. `bound`: the HTTPRoutes of each Service's ports. `marks`: Services for which that is
    not supported, and why. `literal`: the VirtualService of each host that is no Service.
    """

    owners: Mapping[Host, Read]
    bound: Mapping[Host, Mapping[int, list[Bound]]]
    marks: Mapping[Host, str]
    literal: Mapping[str, Read]


def is_for_some(body: kinds.VirtualService) -> bool:
    """Tell whether a VirtualService has rules for some callers alone."""
    return any(asks_caller(match) for http in body.spec.http for match in http.match)


def depends_on_namespace(manifests: Manifests, bound: AtServices) -> bool:
    """Tell whether what rules a Service depends on its callers' namespace."""
    services = (body.spec for _, body in manifests.of(kinds.VirtualService))
    return bool(bound.consumers) or any(is_restricted(spec.export_to) for spec in services)


def _candidates(manifests: Manifests, caller: str | None) -> list[tuple[int, Read]]:
    """The VirtualServices that count in a caller's namespace; its own private ones come first."""
    found = []
    for resource, body in manifests.of(kinds.VirtualService):
        level = level_in(body.spec.export_to, body.metadata.namespace, caller)
        if level is not None and "mesh" in body.spec.gateways and body.spec.http:
            found.append((level, (resource, body)))
    return sorted(found, key=lambda one: one[0])


def ruling(
    manifests: Manifests,
    destinations: Destinations,
    at: AtServices,
    caller: str | None,
    served: Collection[str],
) -> Ruling:
    """Return what rules Services for the callers of a namespace; None: one that no rule is about.

    What a gateway has `served` may be no Service.
    """
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
    """Takes VirtualServices in their order; of a host's, the first counts."""

    def __init__(
        self,
        destinations: Destinations,
        at: AtServices,
        caller: str | None,
        served: Collection[str],
    ) -> None:
        self._destinations, self._served = destinations, served
        self._bound = at.for_callers(caller)
        self._marks = dict(at.marks)
        self._owners: dict[Host, Read] = {}
        self._wild: dict[str, Read] = {}
        self._literal: dict[str, Read] = {}
        self._levels: dict[Host | str, int] = {}

    def take_wild(self, level: int, read: Read, field: str, name: str) -> None:
        """Take one for all hosts that end so."""
        if name in self._wild and self._levels[name] == level:
            why = self._second(read, field, name, self._wild[name])
            hosts = self._destinations.hosts()
            self._marks |= {host: why for host in hosts if covers(name, host.fqdn)}
        self._levels.setdefault(name, level)
        self._wild.setdefault(name, read)

    def take(self, level: int, read: Read, field: str, name: str) -> None:
        """Take one for the host of this name."""
        resource, body = read
        namespace, destinations = body.metadata.namespace, self._destinations
        is_service = destinations.has(name, namespace)
        at_gateway = len(body.spec.gateways) > 1 and any(
            covers(domain, name.lower()) for domain in self._served
        )
        if not is_service and not meant(name, namespace).namespace:
            self._literal.setdefault(name.lower(), read)
            if not at_gateway:
                destinations.warn_literal(resource, field, name, namespace)
        elif is_service or not at_gateway:
            with destinations.diagnostics.gathered():
                if host := destinations.known(resource, field, name, namespace):
                    self._take_service(level, read, field, name, host)

    def _take_service(self, level: int, read: Read, field: str, name: str, host: Host) -> None:
        if host in self._owners and self._levels[host] == level:
            self._marks[host] = self._second(read, field, name, self._owners[host])
        if host in self._bound:
            other = next(iter(self._bound[host].values()))[0][0].name
            problem = f"{name} already has HTTPRoute {other}; keep one kind"
            error = read[0].error(field, problem)
            self._marks[host] = self._destinations.diagnostics.error(error)
        self._levels.setdefault(host, level)
        self._owners.setdefault(host, read)

    def _second(self, read: Read, field: str, name: str, first: Read) -> str:
        problem = f"{name} already has VirtualService {first[0].name}; keep one"
        return self._destinations.diagnostics.error(read[0].error(field, problem))

    def all(self) -> Ruling:
        """Return what was found; a wildcard counts where nothing else does."""
        hosts, owners = self._destinations.hosts(), dict(self._owners)
        for host in hosts if self._wild else ():
            covering = [name for name in self._wild if covers(name, host.fqdn)]
            if covering and host not in owners and host not in self._bound:
                owners[host] = self._wild[max(covering, key=len)]
        every = [host.fqdn for host in hosts]
        of_none = {
            name: read
            for name, read in self._wild.items()
            if not any(covers(name, host) for host in every)
        }
        return Ruling(owners, self._bound, self._marks, {**self._literal, **of_none})
