"""Whom each pod calls, as the plan knows it; and which of these calls go round.

A plan follows a cycle of calls until it is back. A process would follow it for ever.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from lanes.mesh.model import Host, Mesh, Pod, ServicePort, destinations_of, led_to
from lanes.planning.call_graph import call_graph


@dataclass(frozen=True)
class Call:
    """A call to a Service's port; `path` is what it asks for."""

    port: ServicePort
    path: str

    def url(self, namespace: str) -> str:
        """What a pod in `namespace` asks for, as one of `upstream_url`, between commas."""
        host = self.port.host
        name = host.name if host.namespace == namespace else f"{host.name}.{host.namespace}"
        return f"http://{name}:{self.port.port}{quote(self.path, _AS_IT_STANDS)}"


_AS_IT_STANDS = "/%?&=:;@!$'()*+~#[]{}"

Calling = Mapping[str, tuple[Call, ...]]
"""Whom each pod calls, by the pod's key."""

LeftOut = Mapping[tuple[str, Host], str]
"""Calls that are not made, in words: by the pod's key and the Service that it calls."""


def known_calls(mesh: Mesh) -> Calling:
    """All that the manifests tell of it."""
    calls, hosts = call_graph(mesh), _hosts(_behind(mesh))
    found: dict[str, tuple[Call, ...]] = {}
    for pod in mesh.pods:
        targets = calls.of(hosts.get(pod.key, ()), (pod,))
        led = (calls.port(target, pod.namespace) for target in targets)
        found[pod.key] = tuple(Call(port, path) for port, path in led if port is not None)
    return found


def without(calling: Calling, left_out: LeftOut) -> Calling:
    """The calls but for those that are left out."""
    return {
        key: tuple(call for call in calls if (key, call.port.host) not in left_out)
        for key, calls in calling.items()
    }


def passing_by(mesh: Mesh, calling: Calling) -> LeftOut:
    """The calls that would pass a sidecar by: here they all take one."""
    return {
        (pod.key, call.port.host): f"{pod.app} -> {call.port.host.name}"
        for pod in mesh.pods
        for call in calling[pod.key]
        if pod.unrouted.covers(call.port)
    }


def in_cycles(mesh: Mesh, calling: Calling) -> LeftOut:
    """The calls without which none goes round.

    In the order in which a request takes them, these are the calls to a pod on the path.
    """
    behind = _behind(mesh)
    found: dict[tuple[str, Host], str] = {}
    met: set[str] = set()

    def visit(pod: Pod, service: str, path: frozenset[str]) -> None:
        met.add(pod.key)
        path |= {pod.key}
        for call in calling[pod.key]:
            called = call.port.host
            if path & behind[called].keys():
                found[pod.key, called] = f"{service} -> {called.name}"
                continue
            for other in behind[called].values():
                if other.key not in met:
                    visit(other, called.name, path)

    for host in _entered(mesh):
        for pod in behind.get(host, {}).values():
            if pod.key not in met:
                visit(pod, host.name, frozenset())
    return found


def most_calls(mesh: Mesh, calling: Calling) -> int:
    """How many hops a request's answer has at the most, where no call goes round."""
    behind = _behind(mesh)

    @cache
    def hops(key: str) -> int:
        return 1 + sum(at(call.port.host) for call in calling[key])

    def at(host: Host) -> int:
        return max(map(hops, behind.get(host, ())), default=1)

    return max(map(at, _entered(mesh)), default=0)


def _entered(mesh: Mesh) -> Iterator[Host]:
    """The Services that the gateway leads to, then all others: something may call them by hand."""
    for entered in mesh.gateway:
        yield from (destination.host for destination in destinations_of(entered.routes))
    yield from (port.host for port in mesh.ports)


def _behind(mesh: Mesh) -> dict[Host, dict[str, Pod]]:
    """The pods, by their keys, that answer at each Service: its own, or where its rules lead."""
    behind: dict[Host, dict[str, Pod]] = {}
    for port in mesh.ports:
        pods = (*port.pods, *led_to(port.all_routes))
        behind.setdefault(port.host, {}).update({pod.key: pod for pod in pods})
    return behind


def _hosts(behind: Mapping[Host, Iterable[str]]) -> dict[str, list[Host]]:
    """The Services that each pod stands behind, by the pod's key."""
    hosts: dict[str, list[Host]] = {}
    for host, keys in behind.items():
        for key in keys:
            hosts.setdefault(key, []).append(host)
    return hosts
