"""The servers of Istio's Gateways: where they listen, and which hosts they take."""

from collections.abc import Iterator
from dataclasses import dataclass

from lanes.mesh.hostnames import Served
from lanes.mesh.model import Route
from lanes.mesh.rewriting import Redirect
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.sides import Side

Key = tuple[str, str]
"""A Gateway's namespace and name."""


@dataclass(frozen=True)
class Listener:
    """Where a gateway listens: at a port of the pods with these labels."""

    selector: frozenset[tuple[str, str]]
    port: int


@dataclass(frozen=True)
class Server:
    """A Gateway's server, with the hosts that it takes from VirtualServices of one namespace.

    `redirect` sends every request to HTTPS, whatever the VirtualServices say.
    """

    listener: Listener
    side: Side
    hosts: Served
    redirect: Route | None = None


class Gateways:
    """The Gateways in the manifests, and a cache of their servers for each namespace."""

    def __init__(self, manifests: Manifests) -> None:
        gateways = manifests.of(kinds.Gateway)
        self.here = {(b.metadata.namespace, b.metadata.name): (r, b) for r, b in gateways}
        self._servers: dict[tuple[Key, str], list[Server]] = {}

    def servers(self, key: Key, namespace: str) -> list[Server]:
        """Return the HTTP servers of a Gateway in the manifests for rules of a namespace."""
        if (key, namespace) not in self._servers:
            self._servers[key, namespace] = _servers_of(*self.here[key], namespace)
        return self._servers[key, namespace]


def _servers_of(resource: Resource, body: kinds.Gateway, namespace: str) -> list[Server]:
    """Return a Gateway's HTTP servers. Servers that differ in their hosts alone are merged."""
    home = body.metadata.namespace
    selector = frozenset(body.spec.selector.items())
    hosts: dict[tuple[int, bool, bool], list[str]] = {}
    redirects: dict[int, Route] = {}
    for number, server in enumerate(body.spec.servers):
        if server.http and not resource.lacks(f"spec.servers[{number}]"):
            port = server.port.number
            taken = hosts.setdefault((port, server.ends_tls, server.to_https), [])
            taken += [name for host in server.hosts for name in _open_to(host, namespace, home)]
            if server.to_https:
                place = resource.place(f"spec.servers[{number}].tls.httpsRedirect")
                https = Route((), (), status=301, place=place, redirect=Redirect("https"))
                redirects.setdefault(port, https)
    key = f"{home}/{body.metadata.name}"
    return [
        Server(
            Listener(selector, port),
            Side(frozenset({key}), port, ends_tls=ends_tls),
            Served(taken),
            redirects[port] if to_https else None,
        )
        for (port, ends_tls, to_https), taken in hosts.items()
    ]


def _open_to(host: str, namespace: str, home: str) -> Iterator[str]:
    """Yield a host of a server in `home` if VirtualServices of `namespace` may bind to it."""
    of, slash, name = host.rpartition("/")
    if not slash or of == "*" or namespace == (home if of == "." else of):
        yield name
