"""The call graph: who calls whom, by the manifests and by the user.

A service's calls come from the first of these sources that has any:

1. `--calls shop=cart,users`
2. `upstream_url` of its pods
3. the annotation `traffic-lanes/calls` on its Service
4. variables of its pods with a Service's address, such as CART_ADDR=cart:8080, or with several,
   separated by commas. A name without a port is ambiguous and does not count.
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
"""By service, what it calls according to the user."""


class UpstreamsDifferError(LanesError):
    """The pods of one hop call different services."""


class MissingPort(NamedTuple):
    """A pod's variable that names a port which the Service does not have."""

    variable: str
    host: Host
    port: int
    known: tuple[int, ...]


class _Address(NamedTuple):
    """The address of a call: name, possible hosts, port (None: the first) and path."""

    name: str
    hosts: tuple[Host, ...]
    port: int | None
    path: str


@dataclass(frozen=True)
class CallGraph:
    """The known calls in a mesh. `ports`: each Service's ports by number."""

    mesh: Mesh
    overrides: Overrides
    ports: Mapping[Host, Mapping[int, ServicePort]]

    def of(self, hosts: Iterable[Host], pods: tuple[Pod, ...]) -> tuple[str, ...]:
        """Return the callees of the pods behind `hosts`, as URLs or names of Services.

        Earlier hosts take precedence. Raises UpstreamsDifferError if the pods differ in
        `upstream_url`.
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
        in_variables = (url for pod in pods for url in self._addresses.get(pod.key, ()))
        return annotated or tuple(dict.fromkeys(in_variables))

    def knows(self, host: Host, pods: tuple[Pod, ...]) -> bool:
        """Tell whether the pods' callees are known, even if there are none."""
        if self.override((host,), pods) is not None or any("upstream_url" in p.env for p in pods):
            return True
        return bool(self.of((host,), pods))

    def port(self, target: str, namespace: str) -> tuple[ServicePort | None, str]:
        """Return the Service's port that a call goes to, or None, and the path of the call.

        `target` is an http URL, HOST:PORT or HOST. The default port of a URL is 80, that of a host
        is the Service's first.
        """
        address = _address(target, namespace)
        if address is None:
            return None, ""
        known = [self.ports[host] for host in address.hosts if host in self.ports]
        known += [self.ports[host] for host in self._wild if covers(host.name, address.name)]
        first = next((number for ports in known for number in ports), None)
        number = (first if address.port is None else address.port) or 80
        return next((ports[number] for ports in known if number in ports), None), address.path

    def missing_ports(self, pod: Pod) -> Iterator[MissingPort]:
        """Yield a pod's variables that name a port which the Service does not have."""
        for name, targets in _variables(pod):
            for target in targets:
                address = _address(target, pod.namespace)
                hosts, number = (address.hosts, address.port) if address else ((), None)
                host = next((host for host in hosts if host.namespace and host in self.ports), None)
                # A small number behind a name may be something else, such as the tag of an image.
                if host is None or number is None or (number < 80 and "://" not in target):
                    continue
                ports = self.ports[host]
                if number in ports or number in self.mesh.datagrams.get(host, ()):
                    continue
                if all(pod not in port.pods for port in ports.values()):
                    yield MissingPort(name, host, number, tuple(ports))

    def missing_namespaces(self, pod: Pod) -> Iterator[tuple[str, str, Host]]:
        """Yield a pod's variables with URLs that name no Service of the pod's namespace.

        Only if another namespace has a Service of that name: with the name and this Service.
        """
        for variable, targets in _variables(pod):
            for target in targets:
                address = _address(target, pod.namespace)
                hosts = address.hosts if address and "://" in target else ()
                if len(hosts) == 2 and not any(host in self.ports for host in hosts):
                    meant = next(host for host in hosts if host.namespace)
                    same_name = (host for host in self.ports if host.name == meant.name)
                    if meant.namespace == pod.namespace and (other := next(same_name, None)):
                        yield variable, meant.name, other

    @cached_property
    def _wild(self) -> tuple[Host, ...]:
        """The hosts with a * for which there are rules, the longest first."""
        wild = (host for host in self.ports if host.name.startswith("*"))
        return tuple(sorted(wild, key=lambda host: -len(host.name)))

    @cached_property
    def _addresses(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses of Services in pods' variables, by the pod's key."""
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
        """Return the user's callees for these hosts and pods; None: the user names none."""
        if not self.overrides:
            return None
        names = [name for host in hosts for name in (f"{host.name}.{host.namespace}", host.name)]
        names += [pod.app for pod in pods]
        return next((self.overrides[name] for name in names if name in self.overrides), None)


def with_calls(mesh: Mesh, overrides: Overrides) -> Mesh:
    """Return the mesh with the user's callees in place of annotations."""
    graph = call_graph(mesh, overrides)
    by_user = {port.host: graph.override((port.host,), port.pods) for port in mesh.ports}
    known = {host: callees for host, callees in by_user.items() if callees is not None}
    return replace(mesh, calls={**mesh.calls, **known})


def known_calls(graph: CallGraph) -> dict[str, tuple[str, ...]]:
    """Return the known callees of each Service's pods, by name.

    A Service without callees has no entry. Of several Services with the same pods, the first has.
    A name that several namespaces have is followed by its namespace.
    """
    names = Counter(host.name for host in graph.ports)
    first = {tuple(pod.key for pod in port.pods): port for port in reversed(graph.mesh.ports)}
    known: dict[str, tuple[str, ...]] = {}
    for port in graph.mesh.ports:
        if first[tuple(pod.key for pod in port.pods)] is port:
            caller, *callees = (
                host.name if names[host.name] == 1 else f"{host.name}.{host.namespace}"
                for host in (port.host, *called_by(graph, port))
            )
            known |= {caller: tuple(callees)} if callees else {}
    return known


def called_by(graph: CallGraph, port: ServicePort) -> tuple[Host, ...]:
    """Return the other Services that the pods behind a Service's port call."""
    targets = (target for pod in port.pods for target in graph.of([port.host], (pod,)))
    callees = (graph.port(target, port.host.namespace)[0] for target in targets)
    return tuple(dict.fromkeys(to.host for to in callees if to and to.host != port.host))


def call_graph(mesh: Mesh, overrides: Overrides | None = None) -> CallGraph:
    """Return the call graph. Raises LanesError if `overrides` name an unknown Service."""
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
    """Tell whether the host is outside of the mesh, and no rule leads to a Service or a subset."""
    if port.host.namespace or any(pod in mesh.pods for pod in port.pods):
        return False
    return not any(to.host != port.host or to.subset for to in destinations_of(port.all_routes))


def _variables(pod: Pod) -> Iterator[tuple[str, list[str]]]:
    """Yield a pod's variables that may hold addresses, each with its comma-separated parts.

    A pod with `upstream_url` has no others.
    """
    for name, value in pod.env.items() if "upstream_url" not in pod.env else ():
        if not name.startswith("OTEL_") and ":" in value:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            targets = parts if all(":" in part for part in parts) else [value]
            yield name, [to.removeprefix("grpc://").removeprefix("dns:///") for to in targets]


@lru_cache(maxsize=4096)
def _address(target: str, namespace: str) -> _Address | None:
    """Return the address of a call; None if it is not for http."""
    try:
        parts = urlsplit(target if "://" in target else f"//{target}")
        number = parts.port
    except ValueError:  # the port is not a number
        return None
    if parts.scheme not in ("", "http"):
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = parts.hostname or ""
    # Rules for this exact name take precedence over the Service that DNS finds.
    hosts = filter(None, (Host(name, ""), host_of(name, namespace)))
    return _Address(name, tuple(hosts), number or (80 if parts.scheme else None), path)


def _namespace(ports: Iterable[Host], caller: str) -> str:
    namespaces = (h.namespace for h in ports if caller in (h.name, f"{h.name}.{h.namespace}"))
    return next(namespaces, "default")
