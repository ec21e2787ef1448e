"""Pods of Services without a selector, from EndpointSlices and Endpoints."""

from collections.abc import Iterable, Iterator, Mapping

from lanes.mesh.model import Host, Pod
from lanes.reading import kinds
from lanes.reading.kinds.core import Reference
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.service_entries import pod_elsewhere

_SERVICE = "kubernetes.io/service-name"
_Address = tuple[str, Reference]


def sliced(manifests: Manifests, workload_pods: Iterable[Pod]) -> Mapping[Host, tuple[Pod, ...]]:
    """Return the pods of each Service without a selector: one for each ready endpoint.

    It is one of `workload_pods` where the endpoint names one, else a pod made for the address.
    """
    by_key = {pod.key: pod for pod in workload_pods}
    services = {b.host for _, b in manifests.of(kinds.Service) if not b.spec.selector}
    pods: dict[Host, dict[str, Pod]] = {}
    for host, resource, addresses in _endpoints(manifests):
        for address, target in addresses if host in services else ():
            name = target.name if target.kind == "Pod" else address
            keys = (f"{target.namespace or host.namespace}/{name}", f"{host.namespace}/{address}")
            pod = next((by_key[key] for key in keys if key in by_key), None)
            pod = pod or pod_elsewhere(resource, address, host.namespace, {}, {"app": host.name})
            pods.setdefault(host, {})[pod.key] = pod
    return {host: tuple(by_name.values()) for host, by_name in pods.items()}


def endpoints_of(manifests: Manifests, workload_pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
    """Return the pods that only EndpointSlices or Endpoints name, each once."""
    keys = {pod.key for pod in workload_pods}
    pods = (pod for each in sliced(manifests, workload_pods).values() for pod in each)
    return tuple({pod.key: pod for pod in pods if pod.key not in keys}.values())


def _endpoints(manifests: Manifests) -> Iterator[tuple[Host, Resource, list[_Address]]]:
    for resource, piece in manifests.of(kinds.EndpointSlice):
        host = Host(piece.metadata.labels.get(_SERVICE, ""), piece.metadata.namespace)
        ready = (each for each in piece.endpoints if each.conditions.ready is not False)
        yield host, resource, [(a, each.target_ref) for each in ready for a in each.addresses]
    for resource, body in manifests.of(kinds.Endpoints):
        host = Host(body.metadata.name, body.metadata.namespace)
        yield host, resource, [(a.ip, a.target_ref) for s in body.subsets for a in s.addresses]
