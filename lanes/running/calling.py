"""The calls of each pod, as the plan knows them, and which of these calls close a cycle.

A plan follows a cycle once. Processes would follow it forever.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from lanes.mesh.model import Host, Mesh, Pod, ServicePort, destinations_of, pods_behind
from lanes.planning.call_graph import call_graph


@dataclass(frozen=True)
class Call:
    """A call to a Service's port, with the path of its requests."""

    port: ServicePort
    path: str

    def url(self, namespace: str) -> str:
        """Return the URL that a pod in `namespace` calls, as `upstream_url` has it."""
        host = self.port.host
        name = host.name if host.namespace == namespace else f"{host.name}.{host.namespace}"
        return f"http://{name}:{self.port.port}{quote(self.path, _UNQUOTED)}"


_UNQUOTED = "/%?&=:;@!$'()*+~#[]{}"

Calls = Mapping[str, tuple[Call, ...]]
"""The calls of each pod, by the pod's key."""

LeftOut = Mapping[tuple[str, Host], str]
"""Calls that stand-ins do not make, as "caller -> called", by the caller's key and the Service."""


def known_calls(mesh: Mesh) -> Calls:
    """Return the calls that the manifests show."""
    graph, hosts = call_graph(mesh), _hosts(_pods_at(mesh))
    calls: dict[str, tuple[Call, ...]] = {}
    for pod in mesh.pods:
        targets = graph.of(hosts.get(pod.key, ()), (pod,))
        ports = (graph.port(target, pod.namespace) for target in targets)
        calls[pod.key] = tuple(Call(port, path) for port, path in ports if port is not None)
    return calls


def without(calls: Calls, left_out: LeftOut) -> Calls:
    """Return the calls without those that are left out."""
    return {
        key: tuple(call for call in of_pod if (key, call.port.host) not in left_out)
        for key, of_pod in calls.items()
    }


def bypassing(mesh: Mesh, calls: Calls) -> LeftOut:
    """Return the calls that bypass the sidecar in a cluster. On this machine, none can."""
    return {
        (pod.key, call.port.host): f"{pod.app} -> {call.port.host.name}"
        for pod in mesh.pods
        for call in calls[pod.key]
        if pod.unrouted.covers(call.port)
    }


def in_cycles(mesh: Mesh, calls: Calls) -> LeftOut:
    """Return the calls that close a cycle: they lead to a pod that the request has passed."""
    pods_at = _pods_at(mesh)
    closing: dict[tuple[str, Host], str] = {}
    visited: set[str] = set()

    def visit(pod: Pod, service: str, path: frozenset[str]) -> None:
        visited.add(pod.key)
        path |= {pod.key}
        for call in calls[pod.key]:
            called = call.port.host
            if path & pods_at[called].keys():
                closing[pod.key, called] = f"{service} -> {called.name}"
                continue
            for other in pods_at[called].values():
                if other.key not in visited:
                    visit(other, called.name, path)

    for host in _entry_hosts(mesh):
        for pod in pods_at.get(host, {}).values():
            if pod.key not in visited:
                visit(pod, host.name, frozenset())
    return closing


def most_hops(mesh: Mesh, calls: Calls) -> int:
    """Return how many hops a request has at most. `calls` have no cycle."""
    pods_at = _pods_at(mesh)

    @cache
    def behind(key: str) -> int:
        return 1 + sum(at(call.port.host) for call in calls[key])

    def at(host: Host) -> int:
        return max(map(behind, pods_at.get(host, ())), default=1)

    return max(map(at, _entry_hosts(mesh)), default=0)


def _entry_hosts(mesh: Mesh) -> Iterator[Host]:
    """Yield the Services that the gateway calls, then all Services: a user may call any."""
    for virtual_host in mesh.gateway:
        yield from (destination.host for destination in destinations_of(virtual_host.routes))
    yield from (port.host for port in mesh.ports)


def _pods_at(mesh: Mesh) -> dict[Host, dict[str, Pod]]:
    """Return the pods, by their keys, that answer at each Service: its own and its routes'."""
    pods_at: dict[Host, dict[str, Pod]] = {}
    for port in mesh.ports:
        pods = (*port.pods, *pods_behind(port.all_routes))
        pods_at.setdefault(port.host, {}).update({pod.key: pod for pod in pods})
    return pods_at


def _hosts(pods_at: Mapping[Host, Iterable[str]]) -> dict[str, list[Host]]:
    """Return the Services at which each pod answers, by the pod's key."""
    hosts: dict[str, list[Host]] = {}
    for host, keys in pods_at.items():
        for key in keys:
            hosts.setdefault(key, []).append(host)
    return hosts
