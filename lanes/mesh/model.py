"""The mesh as the manifests describe it: pods, services, routes, with every reference resolved.

Nothing here knows YAML or Envoy: the plan and Envoy's configuration are made from one mesh.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from lanes.mesh import baggage, traffic
from lanes.mesh.diagnostics import Finding, Place
from lanes.mesh.matching import Match
from lanes.mesh.readiness import Readiness
from lanes.mesh.rewriting import Redirect, Rewrite
from lanes.mesh.traffic import NO_CHANGES, Abort, HeaderOps, Outlier, Propagation, Retry

# Where a pod's sidecar takes its calls, on Istio as here; no pod can listen there itself.
SIDECAR_PORT = 15001
# The labels that name what a pod is one of.
APP_LABELS = ("app", "app.kubernetes.io/name")
VERSION_LABELS = ("version", "app.kubernetes.io/version")


# In place of a variant's number: the port's own routes, and those past the caller's sidecar.
NO_VARIANT, BYPASS = -1, -2


@dataclass(frozen=True, order=True)
class Host:
    """A Kubernetes Service by its name and namespace; a host that is none has no namespace."""

    name: str
    namespace: str

    @property
    def fqdn(self) -> str:
        return f"{self.with_namespace}.svc.cluster.local" if self.namespace else self.name

    @property
    def with_namespace(self) -> str:
        """What it is called from any namespace; a host that is no Service has its name alone."""
        return f"{self.name}.{self.namespace}" if self.namespace else self.name


@dataclass(frozen=True)
class Unrouted:
    """Which of a pod's calls pass its sidecar by: all where it has none, else by port or host.

    `only`: the Services whose rules count at all, in ambient mode; None: it has a sidecar.
    """

    all: bool = False
    ports: tuple[int, ...] = ()
    hosts: frozenset[Host] = frozenset()
    only: frozenset[Host] | None = None

    def covers(self, port: "ServicePort") -> bool:
        """Tell whether calls to a Service's port, by the name that they use, pass it by."""
        elsewhere = self.only is not None and port.host not in self.only
        hidden = port.host in self.hosts or port.alias in self.hosts
        return self.all or elsewhere or port.port in self.ports or hidden


@dataclass(frozen=True)
class Pod:
    """One pod of a Deployment: what it runs with, not yet where."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    env: Mapping[str, str]
    ip_env: tuple[str, ...]  # variables that hold the pod's own address
    port: int
    named_ports: Mapping[str, int]
    readiness: Readiness | None  # None: ready as soon as the port accepts
    propagation: Propagation  # what its sidecar exchanges; empty on upstream Istio
    namespace_named: bool = True  # False: it goes to whichever namespace it is applied to
    place: Place = field(default=Place(), compare=False)
    sample: bool = True  # its image is the sample's; another one may read upstream_url as well
    injected: tuple[str, ...] = ()  # the languages whose OpenTelemetry the operator brings
    command: str | None = None  # a shell's, run in place of the stand-in
    unrouted: Unrouted = Unrouted()

    @cached_property
    def key(self) -> str:
        """The pod's one name in the mesh."""
        return f"{self.namespace}/{self.name}"

    @cached_property
    def app(self) -> str:
        """The name that the pod answers with; where nothing gives one, its workload's."""
        labeled = next(filter(None, map(self.labels.get, APP_LABELS)), "")
        return self.env.get("app") or labeled or self.name.partition("_")[0]

    @cached_property
    def version(self) -> str:
        """The version that the pod answers with."""
        labeled = next(filter(None, map(self.labels.get, VERSION_LABELS)), "")
        return self.env.get("version") or labeled

    @property
    def health(self) -> Readiness | None:
        """Where its stand-in tells whether it is ready: the sample has paths of its own."""
        return self.readiness.of_stand_in if self.readiness else None

    @cached_property
    def carries_baggage(self) -> bool | None:
        """Whether OpenTelemetry hands on the baggage that the pod receives; None: nothing tells."""
        return baggage.handed_on(self.env, self.injected, sample=self.sample)

    @property
    def imitates(self) -> bool:
        """Whether a stand-in runs in place of a program that is not known to be the sample."""
        return self.command is None and not self.upstream_urls

    @cached_property
    def upstream_urls(self) -> tuple[str, ...]:
        """The services that the pod calls, in the order of its answer."""
        urls = self.env.get("upstream_url", "").split(",")
        return tuple(url.strip() for url in urls if url.strip())


@dataclass(frozen=True)
class Endpoint:
    """A pod's port."""

    pod: Pod
    port: int


@dataclass(frozen=True)
class Destination:
    """Where a route leads: endpoints in tiers.

    Traffic goes to the first tier that has a healthy endpoint: a lane's own pods, then the
    baseline's. No tier at all: the Service that a rule names does not exist, and 500 answers.
    """

    name: str  # in the style of Istio's clusters: outbound|8000|v2|mockb.default.svc...
    host: Host
    app: str  # of a Service for one version the app, else its name
    tiers: tuple[tuple[Endpoint, ...], ...]
    propagation: Propagation  # what its pods' sidecars exchange
    balancer: str = "LEAST_REQUEST"
    outlier: Outlier | None = None
    connect_timeout: float | None = None  # seconds; None where nothing says so
    idle_timeout: float | None = None  # the same
    hashed: bool = False  # a hash of the request chooses among its pods
    no_failover: bool = False  # it prefers pods by labels, which has no effect
    tls_refused: bool = False  # its pods take no call without TLS, and these have none
    missing: str = ""  # a "subset" that none defines, the "port" that is called; "": neither
    http2: bool = False  # its port says that it speaks HTTP/2, as gRPC does
    unsupported: str = ""  # what is not supported about it; "": it is known

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those of all its tiers."""
        return tuple(endpoint for tier in self.tiers for endpoint in tier)

    @property
    def port(self) -> int:
        """The Service's port; 0 where its name tells none."""
        number = self.name.split("|")[1]
        return int(number) if number.isdecimal() else 0

    @property
    def subset(self) -> str:
        """The subset that it is, by its name; "" for a whole Service."""
        return self.name.split("|")[2]


@dataclass(frozen=True)
class Weighted:
    """One of a route's destinations, with its share of the requests."""

    destination: Destination
    weight: int
    request: HeaderOps = NO_CHANGES
    response: HeaderOps = NO_CHANGES


@dataclass(frozen=True)
class Route:
    """One rule: the first whose match holds takes the request. No matches: always.

    No destinations: it answers with `status` by itself. `unsupported`: what is not supported, so
    that it may do anything with the requests that meet it, which may be fewer than its matches say.
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
    mirrors: tuple[Weighted, ...] = ()  # where copies go, with weights of a million
    body: str = ""  # of what it answers by itself
    by_scheme: bool = False  # every request meets it, by its scheme alone

    @property
    def unknown(self) -> str:
        """Why it is not known what the rule does; "": it is."""
        led = (w.destination.unsupported for w in self.destinations if w.weight)
        return self.unsupported or next(filter(None, led), "")

    @property
    def has_no_weight(self) -> bool:
        """Whether it is a rule of the Gateway API without a backend of some weight."""
        return self.status == 500 and self.place.resource.startswith(("HTTPRoute ", "GRPCRoute "))


@dataclass(frozen=True)
class GatewayHost:
    """What the gateway does with requests for `domain`: a name, "*.suffix" or "*"."""

    domain: str
    routes: tuple[Route, ...]


def destinations_of(routes: Iterable[Route]) -> Iterator[Destination]:
    """Every destination that routes lead to, as often as they do."""
    return (weighted.destination for route in routes for weighted in route.destinations)


def led_to(routes: Iterable[Route]) -> Iterator[Pod]:
    """The pods that routes lead to, in whichever tier."""
    return pods_of(destinations_of(routes))


def pods_of(destinations: Iterable[Destination]) -> Iterator[Pod]:
    """The pods of destinations, in whichever tier."""
    return (endpoint.pod for destination in destinations for endpoint in destination.endpoints)


def names_of(pods: Iterable[Pod]) -> frozenset[tuple[str, str]]:
    """What pods answer with, each with its namespace."""
    return frozenset((pod.app, pod.namespace) for pod in pods)


@dataclass(frozen=True)
class ServicePort:
    """A Service's port: its routes, and every pod that the Service selects.

    `plain`: what a call gets that no sidecar routes. `http`: HTTP rules count for calls. `is_hop`:
    it says HTTP, or nothing and no database's number. `variants`: other routes, for some callers.
    `alias`: the Service that a call names in its place, which stands for it by DNS.
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
        """Those of its pods, and of those that its routes lead to: a lane's own Service's."""
        return names_of((*self.pods, *led_to(self.all_routes)))

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """Its routes, and those of its variants."""
        return (*self.routes, *(route for one in self.variants for route in one.routes))

    def variant(self, caller: Pod) -> int:
        """Return the number of the variant for calls from `caller`, NO_VARIANT or BYPASS."""
        if caller.unrouted.covers(self):
            return BYPASS
        numbers = (number for number, v in enumerate(self.variants) if caller.key in v.callers)
        return next(numbers, NO_VARIANT)

    def seen_by(self, caller: Pod) -> "ServicePort":
        """Return the port with the routes that apply to calls from `caller`."""
        variant = self.variant(caller)
        if variant == NO_VARIANT:
            return self
        routes = self.plain if variant == BYPASS else self.variants[variant].routes
        return replace(self, routes=routes)


@dataclass(frozen=True)
class Variant:
    """The routes of a port that count for some callers, by the keys of these pods."""

    callers: frozenset[str]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Mesh:
    """Everything that the manifests say about lanes."""

    sources: tuple[str, ...]
    provider: str  # asm, istio or gateway-api
    pods: tuple[Pod, ...]
    gateway: tuple[GatewayHost, ...]
    ports: tuple[ServicePort, ...]
    left_to_cluster: tuple[str, ...]
    # By Service, what its annotation traffic-lanes/calls says that its pods call.
    calls: Mapping[Host, tuple[str, ...]] = field(default_factory=dict)
    # By a Service that stands for another by DNS, that other.
    aliases: Mapping[Host, Host] = field(default_factory=dict)
    # By Service, its ports that carry no TCP.
    datagrams: Mapping[Host, frozenset[int]] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()  # what chooses no route, and that no laptop mesh does: sentences
    warnings: tuple[Finding, ...] = ()  # what is planned, and worth a word
    without_gateway: str = ""  # that nothing is bound to one, in the beginning of a sentence
    not_supported: tuple[Finding, ...] = ()  # what is left out, or marked where it counts

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route: at gateways, and of calls in the mesh, by some callers too."""
        served = (route for host in self.gateway for route in host.routes)
        return (*served, *(route for port in self.ports for route in port.all_routes))

    def outside(self, led: Iterable[Destination]) -> Pod | None:
        """Return what stands for a host outside of the mesh where these lead; None: to none."""
        return next((pod for pod in pods_of(led) if pod.key not in self._keys), None)

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(pod.key for pod in self.pods)
