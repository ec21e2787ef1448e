"""Istio's kinds, and ASM's `fallback` in them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lanes.mesh.headers import header_name
from lanes.reading.kinds.fields import (
    ChangedHeader,
    Changes,
    Closed,
    ClosedKind,
    Count,
    Duration,
    HostName,
    Marked,
    Metadata,
    OnlyRunning,
    Open,
    Percent,
    Port,
    RetryOn,
    require_few_rules,
    require_re2,
    wrong,
)


class PortSelector(Closed):
    number: Port


class OutlierDetection(Closed):
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: Count | None = None
    consecutive_gateway_errors: Count | None = None
    consecutive_5xx_errors: Annotated[Count | None, Field(alias="consecutive5xxErrors")] = None
    interval: Annotated[Duration, Field(gt=0)] = 10.0
    base_ejection_time: Annotated[Duration, Field(gt=0)] = 30.0
    max_ejection_percent: Percent = 10
    min_health_percent: Percent = 0


class LocalityLbSetting(Closed):
    enabled: bool = True
    failover_priority: list[str] = []
    # By region and zone, which no manifest tells of a pod.
    distribute: OnlyRunning = None
    failover: OnlyRunning = None


def _balancer(simple: object) -> object:
    return "LEAST_REQUEST" if simple in ("UNSPECIFIED", "LEAST_CONN") else simple


Simple = Annotated[Literal["LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"], BeforeValidator(_balancer)]


class LoadBalancer(Closed):
    simple: Simple = "LEAST_REQUEST"
    locality_lb_setting: LocalityLbSetting = LocalityLbSetting()
    consistent_hash: OnlyRunning = None
    warmup: OnlyRunning = None
    warmup_duration_secs: OnlyRunning = None


def _unseen(tls: Any) -> Any:
    """What the mesh's own TLS is to who calls: nothing that it could see."""
    seen = not isinstance(tls, dict) or tls.get("mode", "DISABLE") not in (
        "DISABLE",
        "ISTIO_MUTUAL",
    )
    return tls if seen else None


class TcpPool(Closed):
    connect_timeout: Annotated[Duration | None, Field(gt=0)] = None
    max_connections: OnlyRunning = None
    max_connection_duration: OnlyRunning = None
    idle_timeout: OnlyRunning = None
    tcp_keepalive: OnlyRunning = None


class ConnectionPool(Closed):
    tcp: TcpPool = TcpPool()
    http: OnlyRunning = None


class TrafficPolicy(Closed):
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    connection_pool: ConnectionPool | None = None
    tls: Annotated[OnlyRunning, BeforeValidator(_unseen)] = None
    tunnel: OnlyRunning = None
    proxy_protocol: OnlyRunning = None
    retry_budget: OnlyRunning = None


class PortPolicy(TrafficPolicy):
    """A port's own policy, in place of its rule's as a whole."""

    port: PortSelector


class RulePolicy(TrafficPolicy):
    port_level_settings: list[PortPolicy] = []


class Subset(Closed):
    name: str
    labels: dict[str, str] = {}
    traffic_policy: RulePolicy | None = None


Everywhere = Annotated[list[Literal["*"]], Field(max_length=1)]


class DestinationRuleSpec(Closed):
    host: str
    export_to: Everywhere = []
    subsets: list[Subset] = []
    traffic_policy: RulePolicy | None = None


class DestinationRule(ClosedKind):
    spec: DestinationRuleSpec


class StringMatch(Closed):
    """One of three ways to match, or none: any value. A regex matches the whole value (RE2)."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "StringMatch":
        ways = [way for way in (self.exact, self.prefix, self.regex) if way is not None]
        if len(ways) > 1:
            raise wrong("should have exactly one of exact, prefix and regex")
        if self.regex not in (None, "*"):  # which Istio takes for any value
            require_re2(self.regex)
        return self

    @property
    def anything(self) -> bool:
        return self.regex == "*" or (self.exact is self.prefix is self.regex is None)


class UriMatch(StringMatch):
    @model_validator(mode="after")
    def _says_how(self) -> "UriMatch":
        if self.anything:
            raise wrong("should have exactly one of exact, prefix and regex")
        return self


class HeaderMatch(StringMatch):
    """A header's value; unlike a URI's, it has no empty prefix in Envoy."""

    @model_validator(mode="after")
    def _not_empty(self) -> "HeaderMatch":
        if "" in (self.prefix, self.regex):
            raise ValueError("is empty; leave it out to match anything")
        return self


def _header_asked(name: str) -> str:
    if name.startswith("@"):
        raise ValueError("matches a claim of a token, which no plan can know")
    if name.startswith(":") and name != ":authority":
        raise ValueError("is no header that a plan can know; match method, uri or authority")
    if name.lower() == "host":
        raise ValueError("is no header that Envoy sees; match authority")
    return name if name.startswith(":") else header_name(name)


AskedHeaders = dict[Annotated[str, AfterValidator(_header_asked)], HeaderMatch]


class HttpMatch(Closed):
    """What a rule asks of a request; which callers and ways in it counts for."""

    name: str = ""
    stat_prefix: str = ""
    authority: HeaderMatch | None = None
    headers: AskedHeaders = {}
    without_headers: AskedHeaders = {}
    uri: UriMatch | None = None
    ignore_uri_case: bool = False
    method: HeaderMatch | None = None
    scheme: HeaderMatch | None = None
    query_params: dict[str, HeaderMatch] = {}
    port: Port | None = None
    gateways: list[str] = []
    source_labels: dict[str, str] = {}
    source_namespace: str = ""


def _no_variable(subset: str | None) -> str | None:
    if subset and subset.startswith("$"):
        raise ValueError(f"{subset} is chosen by the request's own pod, which is not understood")
    return subset


class Target(Closed):
    host: str
    subset: Annotated[str | None, AfterValidator(_no_variable)] = None
    port: PortSelector | None = None


class Fallback(Closed):
    target: Target


class HeaderOperations(Closed):
    set: Changes = {}
    add: Changes = {}
    remove: list[ChangedHeader] = []


class Headers(Closed):
    request: HeaderOperations = HeaderOperations()
    response: HeaderOperations = HeaderOperations()


class HttpDestination(Closed):
    destination: Target
    fallback: Fallback | None = None
    weight: Count | None = None
    headers: Headers = Headers()


class Retries(Closed):
    attempts: Count = 2
    per_try_timeout: Duration | None = None
    retry_on: RetryOn = ""
    retry_remote_localities: bool = False
    backoff: OnlyRunning = None
    retry_ignore_previous_hosts: OnlyRunning = None


class Redirect(Open):
    redirect_code: Annotated[int, Field(ge=300, le=399)] = 301


class DirectResponse(Open):
    status: Annotated[int, Field(ge=200, le=599)]


class Percentage(Open):
    value: float = 0


class Abort(Open):
    """Without a percentage, Istio aborts nothing."""

    http_status: int | None = None
    percentage: Percentage = Percentage()

    @model_validator(mode="after")
    def _by_status(self) -> "Abort":
        if self.percentage.value and self.http_status is None:
            raise ValueError("has no httpStatus, and what else it answers is not understood")
        return self


class Fault(Open):
    abort: Abort | None = None
    delay: OnlyRunning = None


class HttpRoute(Closed):
    name: str = ""
    match: list[HttpMatch] = []
    route: list[HttpDestination] = []
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    rewrite: OnlyRunning = None
    headers: Headers = Headers()
    timeout: Duration | None = None
    retries: Retries | None = None
    mirror: OnlyRunning = None
    mirrors: OnlyRunning = None
    mirror_percent: OnlyRunning = None
    mirror_percentage: OnlyRunning = None
    cors_policy: OnlyRunning = None
    fault: Annotated[Fault | None, Marked] = None


def _few(rules: list[HttpRoute]) -> list[HttpRoute]:
    require_few_rules(len(rule.match) for rule in rules)
    return rules


class VirtualServiceSpec(Closed):
    hosts: list[HostName] = []
    gateways: Annotated[list[str], AfterValidator(lambda names: names or ["mesh"])] = ["mesh"]
    export_to: Everywhere = []
    http: Annotated[list[HttpRoute], AfterValidator(_few)] = []
    tls: OnlyRunning = None
    tcp: OnlyRunning = None


class VirtualService(ClosedKind):
    spec: VirtualServiceSpec


class GatewayPort(Closed):
    number: Port
    name: str = ""
    protocol: str
    target_port: OnlyRunning = None


class ServerTls(Open):
    """TLS that ends at the gateway, or a redirection to it: how it does chooses no route."""

    mode: str = ""
    https_redirect: bool = False


class Server(Closed):
    port: GatewayPort
    hosts: Annotated[list[HostName], Field(min_length=1)]
    name: str = ""
    tls: ServerTls | None = None
    bind: OnlyRunning = None

    @property
    def http(self) -> bool:
        """Whether it takes HTTP apart; what it only passes on chooses no route here."""
        ended = (
            self.ends_tls and self.tls and self.tls.mode not in ("PASSTHROUGH", "AUTO_PASSTHROUGH")
        )
        return bool(ended) or self.port.protocol.upper() in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")

    @property
    def ends_tls(self) -> bool:
        return self.port.protocol.upper() == "HTTPS"

    @property
    def to_https(self) -> bool:
        """Whether it sends every request to HTTPS, which those that come by TLS already use."""
        return not self.ends_tls and self.tls is not None and self.tls.https_redirect

    @model_validator(mode="after")
    def _http(self) -> "Server":
        if self.ends_tls and not (self.tls and self.tls.mode):
            raise wrong("protocol HTTPS lacks tls.mode")
        return self


class GatewaySpec(Closed):
    selector: dict[str, str] = {}
    servers: Annotated[list[Server], Field(min_length=1)]


class Gateway(ClosedKind):
    spec: GatewaySpec


class EntryPort(Open):
    number: Port
    name: str = ""
    protocol: str = "TCP"
    target_port: Port | None = None


class EntryEndpoint(Open):
    address: str = ""
    labels: dict[str, str] = {}


class EntrySelector(Open):
    labels: dict[str, str] = {}


class ServiceEntrySpec(Closed):
    """Hosts that are no Service: outside of the cluster, or on machines of their own."""

    hosts: Annotated[list[HostName], Field(min_length=1)]
    ports: list[EntryPort] = []
    endpoints: list[EntryEndpoint] = []
    workload_selector: EntrySelector | None = None
    export_to: Everywhere = []
    addresses: OnlyRunning = None
    location: OnlyRunning = None
    resolution: OnlyRunning = None
    subject_alt_names: OnlyRunning = None


class ServiceEntry(ClosedKind):
    spec: ServiceEntrySpec


class WorkloadEntrySpec(Open):
    labels: dict[str, str] = {}


class WorkloadEntry(Open):
    """A machine that Services select like a pod."""

    metadata: Metadata
    spec: WorkloadEntrySpec


class Patch(Open):
    apply_to: str = ""


class EnvoyFilterSpec(Open):
    config_patches: list[Patch] = []


class EnvoyFilter(Open):
    metadata: Metadata
    spec: EnvoyFilterSpec = EnvoyFilterSpec()


class Egress(Closed):
    hosts: list[str] = []


class SidecarSpec(Closed):
    """What sidecars know of the mesh: calls to other hosts pass them by."""

    workload_selector: EntrySelector | None = None
    egress: list[Egress] = []
    ingress: OnlyRunning = None
    inbound_connection_pool: OnlyRunning = None


class Sidecar(ClosedKind):
    spec: SidecarSpec = SidecarSpec()
