"""The mesh that manifests describe: pods, Services and routes, with every reference resolved.

It is independent of YAML and Envoy. The plan and Envoy's configuration are made from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from lanes.mesh import baggage, traffic
from lanes.mesh.diagnostics import Finding, Place
from lanes.mesh.matching import Match
from lanes.mesh.readiness import Readiness
from lanes.mesh.rewriting import Redirect, Rewrite
from lanes.mesh.traffic import NO_CHANGES, Abort, HeaderOps, Outlier, Propagation, Retry

# The port at which a sidecar takes its pod's calls, as in Istio. No pod can listen there.
SIDECAR_PORT = 15001
# Labels with the name and the version that a pod answers with, by precedence.
APP_LABELS = ("app", "app.kubernetes.io/name")
VERSION_LABELS = ("version", "app.kubernetes.io/version")

# In place of a variant's index: the port's own routes, and those of calls that bypass the sidecar.
NO_VARIANT, BYPASS = -1, -2


class Host(NamedTuple):
    """A Kubernetes Service by name and namespace, or another host, with namespace ""."""

    name: str
    namespace: str

    @property
    def fqdn(self) -> str:
        return f"{self.with_namespace}.svc.cluster.local" if self.namespace else self.name

    @property
    def with_namespace(self) -> str:
        """NAME.NAMESPACE of a Service; the name of another host."""
        return f"{self.name}.{self.namespace}" if self.namespace else self.name


@dataclass(frozen=True)
class Unrouted:
    """The calls of a pod that no rules route: by port, by host, or `all` if it has no sidecar.

    `only`: in ambient mode, the Services whose rules apply. None: the pod has a sidecar.
    """

    all: bool = False
    ports: tuple[int, ...] = ()
    hosts: frozenset[Host] = frozenset()
    only: frozenset[Host] | None = None

    def covers(self, port: "ServicePort") -> bool:
        """Tell whether no rules route calls to a Service's port."""
        without_rules = self.only is not None and port.host not in self.only
        hidden = port.host in self.hosts or port.alias in self.hosts
        return self.all or without_rules or port.port in self.ports or hidden


@dataclass(frozen=True)
class Pod:
    """One pod of a workload, before it has an address."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    env: Mapping[str, str]
    ip_env: tuple[str, ...]  # variables with the pod's own address
    port: int
    named_ports: Mapping[str, int]
    readiness: Readiness | None  # None: ready as soon as the port accepts
    propagation: Propagation  # of its sidecar; empty on upstream Istio
    namespace_named: bool = True  # False: kubectl's namespace, which manifests do not name
    place: Place = field(default=Place(), compare=False)
    sample: bool = True  # its image is the sample's; other images may read upstream_url too
    injected: tuple[str, ...] = ()  # languages that the OpenTelemetry Operator instruments
    command: str | None = None  # a shell command that runs in place of the stand-in
    unrouted: Unrouted = Unrouted()

    @cached_property
    def key(self) -> str:
        """The pod's unique name in the mesh."""
        return f"{self.namespace}/{self.name}"

    @cached_property
    def app(self) -> str:
        """The name that the pod answers with; by default its workload's."""
        labeled = next(filter(None, map(self.labels.get, APP_LABELS)), "")
        return self.env.get("app") or labeled or self.name.partition("_")[0]

    @cached_property
    def version(self) -> str:
        """The version that the pod answers with."""
        labeled = next(filter(None, map(self.labels.get, VERSION_LABELS)), "")
        return self.env.get("version") or labeled

    @property
    def health(self) -> Readiness | None:
        """The readiness probe of its stand-in."""
        return self.readiness.of_stand_in if self.readiness else None

    @cached_property
    def carries_baggage(self) -> bool | None:
        """Whether OpenTelemetry propagates the baggage that the pod receives; None: not known."""
        return baggage.propagates(self.env, self.injected, sample=self.sample)

    @property
    def imitates(self) -> bool:
        """Whether a stand-in runs in place of a program that may not be the sample."""
        return self.command is None and not self.upstream_urls

    @cached_property
    def upstream_urls(self) -> tuple[str, ...]:
        """The URLs that the pod calls, in the order of its answer."""
        urls = self.env.get("upstream_url", "").split(",")
        return tuple(url.strip() for url in urls if url.strip())


@dataclass(frozen=True)
class Endpoint:
    """A pod's port."""

    pod: Pod
    port: int


@dataclass(frozen=True)
class Destination:
    """The destination of a route: endpoints in tiers.

    Requests go to the first tier that has a healthy endpoint: the lane's pods, then the
    baseline's. Without any tier, the rule's Service does not exist, and requests get 500.
    """

    name: str  # in the style of Istio's clusters: outbound|8000|v2|mockb.default.svc...
    host: Host
    app: str  # the app, if the Service is for one version; else the Service's name
    tiers: tuple[tuple[Endpoint, ...], ...]
    propagation: Propagation  # of its pods' sidecars
    balancer: str = "LEAST_REQUEST"
    outlier: Outlier | None = None
    connect_timeout: float | None = None  # seconds; None: the default
    idle_timeout: float | None = None  # seconds; None: the default
    hashed: bool = False  # a hash of the request chooses the pod
    no_failover: bool = False  # its failoverPriority has no effect
    tls_refused: bool = False  # its pods require TLS, and the calls have none
    missing: str = ""  # "subset": not defined; "port": not the Service's; "": nothing is missing
    http2: bool = False  # its port is for HTTP/2 or gRPC
    unsupported: str = ""  # why it is not supported; "": it is

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of all tiers."""
        return tuple(endpoint for tier in self.tiers for endpoint in tier)

    @property
    def port(self) -> int:
        """The Service's port; 0 if `name` has none."""
        number = self.name.split("|")[1]
        return int(number) if number.isdecimal() else 0

    @property
    def subset(self) -> str:
        """The name of the subset; "" for a whole Service."""
        return self.name.split("|")[2]


@dataclass(frozen=True)
class Weighted:
    """A destination of a route, with its weight."""

    destination: Destination
    weight: int
    request: HeaderOps = NO_CHANGES
    response: HeaderOps = NO_CHANGES


@dataclass(frozen=True)
class Route:
    """One rule. A request takes the first rule that it matches; without matches, all match.

    Without destinations, the rule answers with `status` itself. `unsupported`: why it is not
    supported; "": it is. Such a rule may do anything, and may match fewer requests than `matches`.
    """

    matches: tuple[Match, ...]
    destinations: tuple[Weighted, ...]
    request: HeaderOps = NO_CHANGES
    response: HeaderOps = NO_CHANGES
    timeout: float | None = None
    retry: Retry | None = None
    status: int = 500
    abort: Abort | None = None
    place: Place = field(default=Place(), compare=False)
    unsupported: str = ""
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    filters: traffic.Filters = traffic.NO_FILTERS
    mirrors: tuple[Weighted, ...] = ()  # of copies; weights are parts of a million
    body: str = ""  # of its own answer
    by_scheme: bool = False  # it matched the scheme alone, so it matches every request

    @property
    def unknown(self) -> str:
        """Why the rule, or a destination with a weight, is not supported; "": all is."""
        of_destinations = (w.destination.unsupported for w in self.destinations if w.weight)
        return self.unsupported or next(filter(None, of_destinations), "")

    @property
    def has_no_weight(self) -> bool:
        """Whether it is a rule of the Gateway API without a backend of weight above 0."""
        return self.status == 500 and self.place.resource.startswith(("HTTPRoute ", "GRPCRoute "))


@dataclass(frozen=True)
class GatewayHost:
    """A virtual host of the gateway: the routes for `domain`, a name, "*.suffix" or "*"."""

    domain: str
    routes: tuple[Route, ...]


def destinations_of(routes: Iterable[Route]) -> Iterator[Destination]:
    """Return the destinations of routes, with repeats."""
    return (weighted.destination for route in routes for weighted in route.destinations)


def pods_behind(routes: Iterable[Route]) -> Iterator[Pod]:
    """Return the pods of the routes' destinations, from all tiers."""
    return pods_of(destinations_of(routes))


def pods_of(destinations: Iterable[Destination]) -> Iterator[Pod]:
    """Return the pods of destinations, from all tiers."""
    return (endpoint.pod for destination in destinations for endpoint in destination.endpoints)


def names_of(pods: Iterable[Pod]) -> frozenset[tuple[str, str]]:
    """Return the pairs of app and namespace that pods have."""
    return frozenset((pod.app, pod.namespace) for pod in pods)


@dataclass(frozen=True)
class ServicePort:
    """A port of a Service: its routes, and every pod that the Service selects.

    - plain: the routes of calls that bypass the sidecar
    - http: HTTP rules apply to calls
    - variants: the routes that apply to some callers in place of `routes`
    - is_hop: the port is for HTTP: it says so, or says nothing and is no database's number
    - alias: the Service that calls name if DNS makes it an alias of `host`
    """

    host: Host
    port: int
    routes: tuple[Route, ...]
    pods: tuple[Pod, ...] = ()
    plain: tuple[Route, ...] = ()
    http: bool = True
    variants: tuple["Variant", ...] = ()
    is_hop: bool = True
    alias: Host | None = None

    @cached_property
    def names(self) -> frozenset[tuple[str, str]]:
        """The apps and namespaces of its pods and of those behind its routes."""
        return names_of((*self.pods, *pods_behind(self.all_routes)))

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """Its routes and those of its variants."""
        return (*self.routes, *(route for variant in self.variants for route in variant.routes))

    def variant(self, caller: Pod) -> int:
        """Return the number of the variant for calls from `caller`, NO_VARIANT or BYPASS."""
        if caller.unrouted.covers(self):
            return BYPASS
        numbers = (number for number, v in enumerate(self.variants) if caller.key in v.callers)
        return next(numbers, NO_VARIANT)

    def seen_by(self, caller: Pod) -> "ServicePort":
        """Return the port with the routes that apply to calls from `caller`."""
        return self.with_variant(self.variant(caller))

    def with_variant(self, variant: int) -> "ServicePort":
        """Return the port with the routes of a variant, by the number that `variant` returns."""
        if variant == NO_VARIANT:
            return self
        routes = self.plain if variant == BYPASS else self.variants[variant].routes
        return replace(self, routes=routes)


@dataclass(frozen=True)
class Variant:
    """The routes of a port for some callers; `callers` are the keys of their pods."""

    callers: frozenset[str]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Mesh:
    """Everything that manifests say about lanes.

    - calls: by Service, the value of its annotation traffic-lanes/calls
    - aliases: by Service that is a DNS alias, the Service behind it
    - datagrams: by Service, the ports that carry no TCP
    - not_run: sentences about what `lanes up` does not simulate and no route depends on
    - without_gateway: why nothing is bound to a gateway, as the beginning of a sentence; "" if
      something is
    - not_supported: errors about what is left out, or marked in the routes that depend on it
    """

    sources: tuple[str, ...]
    provider: str  # asm, istio or gateway-api
    pods: tuple[Pod, ...]
    gateway: tuple[GatewayHost, ...]
    ports: tuple[ServicePort, ...]
    left_to_cluster: tuple[str, ...]
    calls: Mapping[Host, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[Host, Host] = field(default_factory=dict)
    datagrams: Mapping[Host, frozenset[int]] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    without_gateway: str = ""
    not_supported: tuple[Finding, ...] = ()

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route of the gateway and of Services' ports, with those of variants."""
        at_gateway = (route for host in self.gateway for route in host.routes)
        return (*at_gateway, *(route for port in self.ports for route in port.all_routes))

    def outside(self, destinations: Iterable[Destination]) -> Pod | None:
        """Return the first pod that represents a host outside of the mesh; None: there is none."""
        return next((pod for pod in pods_of(destinations) if pod.key not in self._keys), None)

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(pod.key for pod in self.pods)
