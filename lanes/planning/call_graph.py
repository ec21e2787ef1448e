"""Who calls whom: what the manifests tell of it, and what the user says.

Of a service's calls, the first of these that says any holds: the user (`--calls shop=cart,users`),
its pods' `upstream_url`, the annotation `traffic-lanes/calls` on its Service, and variables in its
pods' environment that hold a Service's address, such as CART_ADDR=cart:8080, or several with commas
between. A name alone in a variable is none: too many things are called like a service.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from lanes.errors import LanesError
from lanes.mesh.hostnames import host_of
from lanes.model import Host, Mesh, Pod, ServicePort

Given = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class CallGraph:
    """What is known of the calls in a mesh. `given`: what the user says, by service.

    `found`: the addresses that pods' environments hold, by the pod's key, once they were looked at.
    """

    mesh: Mesh
    given: Given = field(default_factory=dict)
    ports: Mapping[Host, Mapping[int, ServicePort]] = field(default_factory=dict)
    found: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def of(self, hosts: Iterable[Host], pods: tuple[Pod, ...]) -> tuple[str, ...]:
        """What pods call that stand behind these Services, the first of which are their own: URLs,
        or names of Services.

        Raises LanesError where the pods disagree by their `upstream_url`.
        """
        hosts = tuple(hosts)
        given = self._given(hosts, pods)
        if given is not None:
            return given
        urls = {pod.upstream_urls for pod in pods}
        if len(urls) > 1:
            raise UpstreamsDifferError
        if any(urls):
            return urls.pop()
        annotated = (self.mesh.calls[host] for host in hosts if host in self.mesh.calls)
        told = next(annotated, ())
        return told or tuple(dict.fromkeys(url for pod in pods for url in self._addresses(pod)))

    def tell(self, host: Host, pods: tuple[Pod, ...]) -> bool:
        """Whether anything says what these pods call, be it nothing."""
        if self._given((host,), pods) is not None or any("upstream_url" in p.env for p in pods):
            return True
        return bool(self.of((host,), pods))

    def _given(self, hosts: tuple[Host, ...], pods: tuple[Pod, ...]) -> tuple[str, ...] | None:
        """What the user says that these call; None: nothing."""
        if not self.given:
            return None
        names = [name for host in hosts for name in (f"{host.name}.{host.namespace}", host.name)]
        names += [pod.app for pod in pods]
        return next((self.given[name] for name in names if name in self.given), None)

    def none(self) -> "CallGraph":
        """The same mesh, where nobody calls anybody."""
        names = {host.name for host in self.ports} | {pod.app for pod in self.mesh.pods}
        return CallGraph(self.mesh, dict.fromkeys(names, ()), self.ports)

    def port(self, target: str, namespace: str) -> tuple[ServicePort | None, str]:
        """The Service's port that a call goes to, and the path it asks for; None: it is none.

        `target` is an http URL, or what stands between its slashes; without a port, a URL's is 80
        and a name's the Service's first.
        """
        asked = _asked(target, namespace)
        if asked is None:
            return None, ""
        hosts, number, path = asked
        known = next((self.ports[host] for host in hosts if host in self.ports), {})
        if number is None:
            number = next(iter(known), None)
        return known.get(number or 80), path

    def _addresses(self, pod: Pod) -> tuple[str, ...]:
        """The addresses of Services that a pod's environment holds, but for telemetry's."""
        if pod.key not in self.found:
            self.found[pod.key] = tuple(self._find(pod))
        return self.found[pod.key]

    def _find(self, pod: Pod) -> Iterator[str]:
        for _, told in _told(pod):
            ports = [self.port(each, pod.namespace)[0] for each in told]
            if not all(port is not None and (len(told) == 1 or port.http) for port in ports):
                continue
            for each, port in zip(told, ports, strict=True):
                if port and pod not in port.pods and not is_outside(self.mesh, port):
                    yield each

    def astray(self, pod: Pod) -> Iterator[tuple[str, Host, int]]:
        """Its variables that hold a Service with a port which that one has not."""
        for name, told in _told(pod):
            for each in told:
                hosts, number, _ = _asked(each, pod.namespace) or ((), None, "")
                host = next((one for one in hosts if one.namespace and one in self.ports), None)
                # A small number behind a name may be anything: the tag of an image, say.
                if host is None or number is None or (number < 80 and "://" not in each):
                    continue
                ports = self.ports[host]
                if number in ports or number in self.mesh.datagrams.get(host, ()):
                    continue
                if all(pod not in port.pods for port in ports.values()):
                    yield name, host, number


def _told(pod: Pod) -> Iterator[tuple[str, list[str]]]:
    """The variables of a pod's that may hold addresses, each with what stands between its commas.

    The sample's hold none but `upstream_url`.
    """
    for name, value in pod.env.items() if "upstream_url" not in pod.env else ():
        if not name.startswith("OTEL_") and ":" in value:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            told = parts if all(":" in part for part in parts) else [value]
            yield name, [each.removeprefix("grpc://").removeprefix("dns:///") for each in told]


@lru_cache(maxsize=4096)
def _asked(target: str, namespace: str) -> tuple[tuple[Host, ...], int | None, str] | None:
    """The hosts that may be meant, port (None: its first) and path of a call; None: no http."""
    try:
        parts = urlsplit(target if "://" in target else f"//{target}")
        number = parts.port
    except ValueError:  # a port that is none
        return None
    if parts.scheme not in ("", "http"):
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = parts.hostname or ""
    hosts = (*filter(None, [host_of(name, namespace)]), Host(name, ""))
    return hosts, number or (80 if parts.scheme else None), path


class UpstreamsDifferError(LanesError):
    """Pods that answer as one call different services."""


def is_outside(mesh: Mesh, port: ServicePort) -> bool:
    """Whether it is a host outside of the mesh whose versions no rule tells apart."""
    if port.host.namespace or any(pod in mesh.pods for pod in port.pods):
        return False
    led = (weighted.destination for route in port.routes for weighted in route.destinations)
    return not any(to.host == port.host and to.subset for to in led)


def call_graph(mesh: Mesh, given: Given | None = None) -> CallGraph:
    """The calls in a mesh. Raises LanesError where `given` names what is no Service there."""
    ports: dict[Host, dict[int, ServicePort]] = {}
    for port in mesh.ports:
        ports.setdefault(port.host, {})[port.port] = port
    calls = CallGraph(mesh, dict(given or {}), ports)
    names = {name for h in ports for name in (h.name, f"{h.name}.{h.namespace}")}
    names |= {pod.app for pod in mesh.pods}
    for caller, called in calls.given.items():
        if caller not in names:
            raise LanesError(f"--calls {caller}: no such service in these manifests")
        for target in called:
            if calls.port(target, _namespace(ports, caller))[0] is None:
                raise LanesError(f"--calls {caller}={target}: {target} is no Service's http port")
    return calls


def _namespace(ports: Iterable[Host], caller: str) -> str:
    named = (h.namespace for h in ports if caller in (h.name, f"{h.name}.{h.namespace}"))
    return next(named, "default")
