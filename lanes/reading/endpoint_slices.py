"""Services without a selector: their EndpointSlices and Endpoints tell what answers."""

from collections.abc import Iterable, Iterator, Mapping

from lanes.mesh.model import Host, Pod
from lanes.reading import kinds, service_entries
from lanes.reading.kinds.core import TargetReference
from lanes.reading.manifests import Manifests, Resource

_OF = "kubernetes.io/service-name"
_Address = tuple[str, TargetReference]
Sliced = Mapping[Host, tuple[Pod, ...]]
"""The pods that slices name, by Service."""


def sliced(manifests: Manifests, known: Iterable[Pod]) -> Sliced:
    """Return what answers for each Service without a selector: pods here, and one an address else.

    `known`: the pods of the workloads. An endpoint that is not ready answers nothing.
    """
    by_key = {pod.key: pod for pod in known}
    services = {b.host for _, b in manifests.of(kinds.Service) if not b.spec.selector}
    found: dict[Host, dict[str, Pod]] = {}
    for host, resource, addresses in _endpoints(manifests):
        for address, target in addresses if host in services else ():
            named = target.name if target.kind == "Pod" else address
            keys = (f"{target.namespace or host.namespace}/{named}", f"{host.namespace}/{address}")
            pod = next((by_key[key] for key in keys if key in by_key), None)
            made = pod or service_entries.pod_elsewhere(
                resource, address, host.namespace, {}, {"app": host.name}
            )
            found.setdefault(host, {})[made.key] = made
    return {host: tuple(pods.values()) for host, pods in found.items()}


def endpoints_of(manifests: Manifests, known: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return the pods that only slices know, each once."""
    known = tuple(known)
    keys = {pod.key for pod in known}
    there = (pod for pods in sliced(manifests, known).values() for pod in pods)
    return tuple({pod.key: pod for pod in there if pod.key not in keys}.values())


def _endpoints(manifests: Manifests) -> Iterator[tuple[Host, Resource, list[_Address]]]:
    for resource, one in manifests.of(kinds.EndpointSlice):
        host = Host(one.metadata.labels.get(_OF, ""), one.metadata.namespace)
        ready = (each for each in one.endpoints if each.conditions.ready is not False)
        yield host, resource, [(a, each.target_ref) for each in ready for a in each.addresses]
    for resource, body in manifests.of(kinds.Endpoints):
        host = Host(body.metadata.name, body.metadata.namespace)
        yield host, resource, [(a.ip, a.target_ref) for s in body.subsets for a in s.addresses]
