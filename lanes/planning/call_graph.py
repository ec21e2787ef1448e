"""The call graph: who calls whom, by the manifests and by the user.

Of a service's calls, the first of these that says any holds: the user (`--calls shop=cart,users`),
its pods' `upstream_url`, the annotation `traffic-lanes/calls` on its Service, and variables in its
pods' environment that hold a Service's address, such as CART_ADDR=cart:8080, or several with commas
between. A name without a port is none: too many things are called like a service.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from lanes.errors import LanesError
from lanes.mesh.hostnames import covers, host_of
from lanes.mesh.model import Host, Mesh, Pod, ServicePort, destinations_of
from lanes.planning.messages import PlanError, Problem

Overrides = Mapping[str, tuple[str, ...]]
"""What the user says that services call."""


class UpstreamsDifferError(LanesError):
    """Pods that answer as one call different services."""


class MissingPort(NamedTuple):
    """A pod's variable that holds a Service with a port which that Service does not have."""

    variable: str
    host: Host
    port: int
    known: tuple[int, ...]


class _Address(NamedTuple):
    """Whom a call asks: a name, the hosts that it may mean, a port (None: the first), a path."""

    name: str
    hosts: tuple[Host, ...]
    port: int | None
    path: str


@dataclass(frozen=True)
class CallGraph:
    """What is known of the calls in a mesh. `ports` are the Services' ports by their numbers."""

    mesh: Mesh
    overrides: Overrides
    ports: Mapping[Host, Mapping[int, ServicePort]]

    def of(self, hosts: Iterable[Host], pods: tuple[Pod, ...]) -> tuple[str, ...]:
        """Return whom pods call, as URLs or names of Services.

        They stand behind `hosts`, the first of which are their own. Raises UpstreamsDifferError
        where the pods differ in their `upstream_url`.
        """
        hosts = tuple(hosts)
        override = self.override(hosts, pods)
        if override is not None:
            return override
        urls = {pod.upstream_urls for pod in pods}
        if len(urls) > 1:
            raise UpstreamsDifferError
        if any(urls):
            return urls.pop()
        annotated = next((self.mesh.calls[h] for h in hosts if h in self.mesh.calls), ())
        found = (url for pod in pods for url in self._addresses.get(pod.key, ()))
        return annotated or tuple(dict.fromkeys(found))

    def knows(self, host: Host, pods: tuple[Pod, ...]) -> bool:
        """Tell whether anything says whom these pods call, even that they call nobody."""
        if self.override((host,), pods) is not None or any("upstream_url" in p.env for p in pods):
            return True
        return bool(self.of((host,), pods))

    def port(self, target: str, namespace: str) -> tuple[ServicePort | None, str]:
        """Return the Service's port that a call goes to, None if there is none, and its path.

        `target` is an http URL, or what stands between its slashes. Without a port, a URL's is 80
        and a name's the Service's first.
        """
        address = _address(target, namespace)
        if address is None:
            return None, ""
        known = [self.ports[host] for host in address.hosts if host in self.ports]
        wild = sorted(self._wild, key=lambda host: -len(host.name))
        known += [self.ports[host] for host in wild if covers(host.name, address.name)]
        first = next((number for ports in known for number in ports), None)
        number = (first if address.port is None else address.port) or 80
        return next((ports[number] for ports in known if number in ports), None), address.path

    def missing_ports(self, pod: Pod) -> Iterator[MissingPort]:
        """Yield a pod's variables that hold a Service with a port which it does not have."""
        for name, targets in _variables(pod):
            for target in targets:
                address = _address(target, pod.namespace)
                hosts, number = (address.hosts, address.port) if address else ((), None)
                host = next((one for one in hosts if one.namespace and one in self.ports), None)
                # A small number behind a name may be anything: the tag of an image, say.
                if host is None or number is None or (number < 80 and "://" not in target):
                    continue
                ports = self.ports[host]
                if number in ports or number in self.mesh.datagrams.get(host, ()):
                    continue
                if all(pod not in port.pods for port in ports.values()):
                    yield MissingPort(name, host, number, tuple(ports))

    def elsewhere(self, pod: Pod) -> Iterator[tuple[str, str, Host]]:
        """Yield a pod's variables with URLs that name a Service of another namespace by half.

        Each with the name and the Service: the name means none in the pod's own namespace.
        """
        for variable, targets in _variables(pod):
            for target in targets:
                address = _address(target, pod.namespace)
                hosts = address.hosts if address and "://" in target else ()
                if len(hosts) == 2 and not any(host in self.ports for host in hosts):
                    meant = next(host for host in hosts if host.namespace)
                    alike = (host for host in self.ports if host.name == meant.name)
                    if meant.namespace == pod.namespace and (found := next(alike, None)):
                        yield variable, meant.name, found

    @cached_property
    def _wild(self) -> tuple[Host, ...]:
        """The hosts with a * that rules are for."""
        return tuple(host for host in self.ports if host.name.startswith("*"))

    @cached_property
    def _addresses(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses of Services that pods' environments hold, by the pod's key."""
        return {pod.key: tuple(self._in_environment(pod)) for pod in self.mesh.pods}

    def _in_environment(self, pod: Pod) -> Iterator[str]:
        for _, targets in _variables(pod):
            ports = [self.port(target, pod.namespace)[0] for target in targets]
            if not all(port is not None and port.is_hop for port in ports):
                continue
            for target, port in zip(targets, ports, strict=True):
                if port and pod not in port.pods and not is_outside(self.mesh, port):
                    yield target

    def override(self, hosts: tuple[Host, ...], pods: tuple[Pod, ...]) -> tuple[str, ...] | None:
        """Return what the user says that these call; None: nothing."""
        if not self.overrides:
            return None
        names = [name for host in hosts for name in (f"{host.name}.{host.namespace}", host.name)]
        names += [pod.app for pod in pods]
        return next((self.overrides[name] for name in names if name in self.overrides), None)


def with_calls(mesh: Mesh, overrides: Overrides) -> Mesh:
    """Return the mesh with what the user says that services call in place of annotations."""
    graph = call_graph(mesh, overrides)
    said = {port.host: graph.override((port.host,), port.pods) for port in mesh.ports}
    known = {host: called for host, called in said.items() if called is not None}
    return replace(mesh, calls={**mesh.calls, **known})


def known_calls(graph: CallGraph) -> dict[str, tuple[str, ...]]:
    """Return the Services that each Service's pods call, by name, as far as anything tells.

    Those that call nobody have no entry, nor has a second Service of the same pods. A name that
    several namespaces have stands with its namespace.
    """
    names = Counter(host.name for host in graph.ports)
    behind = {tuple(pod.key for pod in port.pods): port for port in reversed(graph.mesh.ports)}
    found: dict[str, tuple[str, ...]] = {}
    for port in graph.mesh.ports:
        if behind[tuple(pod.key for pod in port.pods)] is port:
            called = called_by(graph, port)
            shown = (
                one.name if names[one.name] == 1 else f"{one.name}.{one.namespace}"
                for one in (port.host, *called)
            )
            caller, *others = shown
            found |= {caller: tuple(others)} if others else {}
    return found


def called_by(graph: CallGraph, port: ServicePort) -> tuple[Host, ...]:
    """Return the other Services that the pods behind a Service's port call."""
    targets = (target for pod in port.pods for target in graph.of([port.host], (pod,)))
    ports = (graph.port(target, port.host.namespace)[0] for target in targets)
    return tuple(dict.fromkeys(one.host for one in ports if one and one.host != port.host))


def call_graph(mesh: Mesh, overrides: Overrides | None = None) -> CallGraph:
    """Return the calls in a mesh. Raises LanesError where `overrides` name no Service there."""
    ports: dict[Host, dict[int, ServicePort]] = {}
    for port in mesh.ports:
        ports.setdefault(port.host, {})[port.port] = port
    for alias, host in mesh.aliases.items():
        behind = ports.get(host, {})
        ports.setdefault(alias, {n: replace(port, alias=alias) for n, port in behind.items()})
    graph = CallGraph(mesh, dict(overrides or {}), ports)
    names = {name for h in ports for name in (h.name, f"{h.name}.{h.namespace}")}
    names |= {pod.app for pod in mesh.pods}
    for caller, called in graph.overrides.items():
        if caller not in names:
            raise PlanError(Problem.UNKNOWN_CALLER, caller=caller)
        for target in called:
            if graph.port(target, _namespace(ports, caller))[0] is None:
                raise PlanError(Problem.UNKNOWN_CALLEE, caller=caller, target=target)
    return graph


def is_outside(mesh: Mesh, port: ServicePort) -> bool:
    """Tell whether it is a host outside of the mesh, and no rule leads to a Service or a subset."""
    if port.host.namespace or any(pod in mesh.pods for pod in port.pods):
        return False
    led = list(destinations_of(port.all_routes))
    elsewhere = any(to.host != port.host for to in led)
    return not elsewhere and not any(to.subset for to in led)


def _variables(pod: Pod) -> Iterator[tuple[str, list[str]]]:
    """Yield a pod's variables that may hold addresses, each with what stands between its commas.

    The sample's hold none but `upstream_url`.
    """
    for name, value in pod.env.items() if "upstream_url" not in pod.env else ():
        if not name.startswith("OTEL_") and ":" in value:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            targets = parts if all(":" in part for part in parts) else [value]
            yield name, [one.removeprefix("grpc://").removeprefix("dns:///") for one in targets]


@lru_cache(maxsize=4096)
def _address(target: str, namespace: str) -> _Address | None:
    """Return whom a call asks; None: it is no http."""
    try:
        parts = urlsplit(target if "://" in target else f"//{target}")
        number = parts.port
    except ValueError:  # a port that is none
        return None
    if parts.scheme not in ("", "http"):
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = parts.hostname or ""
    # Rules for that very name come before what DNS makes of it.
    hosts = filter(None, (Host(name, ""), host_of(name, namespace)))
    return _Address(name, tuple(hosts), number or (80 if parts.scheme else None), path)


def _namespace(ports: Iterable[Host], caller: str) -> str:
    named = (h.namespace for h in ports if caller in (h.name, f"{h.name}.{h.namespace}"))
    return next(named, "default")
