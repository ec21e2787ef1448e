"""Whom names in traces and logs stand for, by the manifests."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lanes.mesh.model import Endpoint, Mesh, Pod, destinations_of, led_to

# What Deployments, StatefulSets and DaemonSets add to their names for a pod's.
_POD_ENDING = re.compile(r"(?:-(?:[0-9]+|(?:[0-9a-z]{4,10}-)?[0-9a-z]{5}))?")

# The cluster of Istio's for calls that no Service or rule which the proxy sees is for.
PASSTHROUGH = "PassthroughCluster"


class Workload(NamedTuple):
    """A service and its version, as the plan has them; "" for one that is not known."""

    service: str
    version: str


NOBODY = Workload("", "")


@dataclass(frozen=True)
class Workloads:
    """The workloads of a mesh by their names; `of` makes it.

    Of destinations, by their names: `chosen` are the versions that get their requests while any is
    ready, `reachable` all that may.
    """

    by_name: dict[str, Workload] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, frozenset[str]] = field(default_factory=dict)
    reachable: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, mesh: Mesh) -> "Workloads":
        """What the manifests say: of a name that several namespaces have, the first counts."""
        by_name: dict[str, Workload] = {}
        services: dict[str, str] = {}
        for pod in mesh.pods:
            by_name.setdefault(_workload_name(pod), Workload(pod.app, pod.version))
            services.setdefault(pod.app, pod.app)
        for name, pods in mesh_services(mesh):
            apps = {pod.app for pod in pods}
            if len(apps) == 1:
                services.setdefault(name, apps.pop())
        chosen: dict[str, frozenset[str]] = {}
        reachable: dict[str, frozenset[str]] = {}
        for destination in destinations_of(mesh.routes):
            tiers = [tier for tier in destination.tiers if tier]
            # What follows a space tells destinations of one cluster's name apart, here alone.
            for name in (destination.name, destination.name.partition(" ")[0]):
                chosen.setdefault(name, _versions(tiers[0] if tiers else ()))
                every = _versions(destination.endpoints)
                reachable[name] = reachable.get(name, frozenset()) | every
        return cls(by_name, services, chosen, reachable)

    def service(self, name: str) -> str:
        """The service that a name stands for: its own, its Service's, or NAME.NAMESPACE; "" for
        one that the mesh has not.
        """
        return self.services.get(name) or self.services.get(name.partition(".")[0], "")

    def workload(self, name: str) -> Workload:
        """The workload of this name; NOBODY where the mesh has none."""
        return self.by_name.get(name, NOBODY)

    def pod(self, name: str) -> Workload:
        """The workload that a pod of this name is of; NOBODY where the mesh has none."""
        ends = [len(name), *(i for i in reversed(range(len(name))) if name[i] == "-")]
        owners = (name[:at] for at in ends if _POD_ENDING.fullmatch(name[at:]))
        return next((w for owner in owners if (w := self.by_name.get(owner))), NOBODY)


def _versions(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    return frozenset(endpoint.pod.version for endpoint in endpoints)


def _workload_name(pod: Pod) -> str:
    return pod.name.partition("_")[0]


def mesh_services(mesh: Mesh) -> Iterator[tuple[str, Iterable[Pod]]]:
    """Each Service's name and the pods that it leads to."""
    for port in mesh.ports:
        yield port.host.name, (*port.pods, *led_to(port.all_routes))
