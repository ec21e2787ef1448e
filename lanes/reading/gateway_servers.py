"""The servers of Gateways: where they listen, and which hosts they take from whom."""

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
    """Where a gateway listens: its pods, by their labels, and the port."""

    selector: frozenset[tuple[str, str]]
    port: int


@dataclass(frozen=True)
class Server:
    """A Gateway's server for a VirtualService: the hosts that it takes from its namespace.

    `redirect`: the rule that sends every request to HTTPS, in place of all others; None: none.
    """

    listener: Listener
    side: Side
    hosts: Served
    redirect: Route | None = None


class Gateways:
    """The Gateways here; what each one's servers take from a namespace is looked up once."""

    def __init__(self, manifests: Manifests) -> None:
        gateways = manifests.of(kinds.Gateway)
        self.here = {(b.metadata.namespace, b.metadata.name): (r, b) for r, b in gateways}
        self._servers: dict[tuple[Key, str], list[Server]] = {}

    def servers(self, key: Key, namespace: str) -> list[Server]:
        """Return the HTTP servers of a Gateway that is here, for the rules of a namespace."""
        if (key, namespace) not in self._servers:
            self._servers[key, namespace] = _servers_of(*self.here[key], namespace)
        return self._servers[key, namespace]


def _servers_of(resource: Resource, body: kinds.Gateway, namespace: str) -> list[Server]:
    """Return a Gateway's HTTP servers; those that differ in their hosts alone are one."""
    own = body.metadata.namespace
    selector = frozenset(body.spec.selector.items())
    alike: dict[tuple[int, bool, bool], list[str]] = {}
    redirects: dict[int, Route] = {}
    for number, server in enumerate(body.spec.servers):
        if server.http and not resource.lacks(f"spec.servers[{number}]"):
            port = server.port.number
            hosts = alike.setdefault((port, server.ends_tls, server.to_https), [])
            hosts += [h for host in server.hosts for h in _open_to(host, namespace, own)]
            if server.to_https:
                place = resource.place(f"spec.servers[{number}].tls.httpsRedirect")
                https = Route((), (), status=301, place=place, redirect=Redirect("https"))
                redirects.setdefault(port, https)
    key = f"{own}/{body.metadata.name}"
    return [
        Server(
            Listener(selector, port),
            Side(frozenset({key}), port, ends_tls=ends_tls),
            Served(hosts),
            redirects[port] if to_https else None,
        )
        for (port, ends_tls, to_https), hosts in alike.items()
    ]


def _open_to(host: str, namespace: str, own: str) -> Iterator[str]:
    """A server's host, where it takes VirtualServices of `namespace`."""
    of, slash, name = host.rpartition("/")
    if not slash or of == "*" or namespace == (own if of == "." else of):
        yield name
