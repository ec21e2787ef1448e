"""Finds the workloads that names in traces and logs stand for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lanes.mesh.model import Endpoint, Mesh, Pod, destinations_of, pods_behind

# The ending that a Deployment, StatefulSet or DaemonSet adds to its name for a pod's name.
_POD_ENDING = re.compile(r"(?:-(?:[0-9]+|(?:[0-9a-z]{4,10}-)?[0-9a-z]{5}))?")

# Istio's cluster for calls to services that the proxy does not know.
PASSTHROUGH = "PassthroughCluster"


class Workload(NamedTuple):
    """A service and its version, as the plan names them; "" if unknown."""

    service: str
    version: str


NOBODY = Workload("", "")


@dataclass(frozen=True)
class Workloads:
    """The names in a mesh, and what they stand for; `of` reads them from a mesh.

    `by_name`: workloads. `services`: services, by their own names and their Services'. Of each
    destination, `chosen` has the versions that it prefers, and `reachable` all that it can reach.
    """

    by_name: dict[str, Workload] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, frozenset[str]] = field(default_factory=dict)
    reachable: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, mesh: Mesh) -> "Workloads":
        """Return the names in a mesh. If several namespaces have a name, the first counts."""
        by_name: dict[str, Workload] = {}
        services: dict[str, str] = {}
        for pod in mesh.pods:
            by_name.setdefault(_workload_name(pod), Workload(pod.app, pod.version))
            services.setdefault(pod.app, pod.app)
        for name, pods in _pods_of_services(mesh):
            apps = {pod.app for pod in pods}
            if len(apps) == 1:
                services.setdefault(name, apps.pop())
        chosen: dict[str, frozenset[str]] = {}
        reachable: dict[str, frozenset[str]] = {}
        for destination in destinations_of(mesh.routes):
            tiers = [tier for tier in destination.tiers if tier]
            # `lanes` adds a space and more to a cluster's name that several destinations have.
            for name in (destination.name, destination.name.partition(" ")[0]):
                chosen.setdefault(name, _versions(tiers[0] if tiers else ()))
                all_versions = _versions(destination.endpoints)
                reachable[name] = reachable.get(name, frozenset()) | all_versions
        return cls(by_name, services, chosen, reachable)

    def service(self, name: str) -> str:
        """Return the service of a name or a host; "" if the mesh has none."""
        return self.services.get(name) or self.services.get(name.partition(".")[0], "")

    def workload(self, name: str) -> Workload:
        """Return the workload of this name; NOBODY if the mesh has none."""
        return self.by_name.get(name, NOBODY)

    def pod(self, name: str) -> Workload:
        """Return the workload that owns a pod of this name; NOBODY if the mesh has none."""
        ends = [len(name), *(i for i in reversed(range(len(name))) if name[i] == "-")]
        owners = (name[:end] for end in ends if _POD_ENDING.fullmatch(name[end:]))
        return next((self.by_name[owner] for owner in owners if owner in self.by_name), NOBODY)


def _versions(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    return frozenset(endpoint.pod.version for endpoint in endpoints)


def _workload_name(pod: Pod) -> str:
    return pod.name.partition("_")[0]


def _pods_of_services(mesh: Mesh) -> Iterator[tuple[str, Iterable[Pod]]]:
    """Yield each Service's name and the pods behind it."""
    for port in mesh.ports:
        yield port.host.name, (*port.pods, *pods_behind(port.all_routes))
