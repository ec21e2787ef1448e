"""Istio's kinds, and ASM's `fallback` in them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lanes.reading.kinds.fields import (
    ChangedHeader,
    Changes,
    Closed,
    Count,
    Duration,
    HostName,
    Metadata,
    OnlyRunning,
    Open,
    Percent,
    Port,
    RetryOn,
    require_re2,
)


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


class TrafficPolicy(Closed):
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    connection_pool: OnlyRunning = None
    tls: Annotated[OnlyRunning, BeforeValidator(_unseen)] = None
    tunnel: OnlyRunning = None
    proxy_protocol: OnlyRunning = None
    retry_budget: OnlyRunning = None


class Subset(Closed):
    name: str
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | None = None


Everywhere = Annotated[list[Literal["*"]], Field(max_length=1)]


class DestinationRuleSpec(Closed):
    host: str
    export_to: Everywhere = []
    subsets: list[Subset] = []
    traffic_policy: TrafficPolicy | None = None


class DestinationRule(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: DestinationRuleSpec


class StringMatch(Closed):
    """Exactly one of three ways to match; a regex matches the whole value (RE2)."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "StringMatch":
        ways = [way for way in (self.exact, self.prefix, self.regex) if way is not None]
        if len(ways) != 1:
            raise ValueError("should have exactly one of exact, prefix and regex")
        if self.regex is not None:
            require_re2(self.regex)
        return self


class HeaderMatch(StringMatch):
    """A header's value; unlike a URI's, it has no empty prefix in Envoy."""

    @model_validator(mode="after")
    def _not_empty(self) -> "HeaderMatch":
        if "" in (self.prefix, self.regex):
            raise ValueError("is empty; leave it out to match anything")
        return self


class HttpMatch(Closed):
    name: str = ""
    authority: HeaderMatch | None = None
    headers: dict[str, HeaderMatch] = {}
    uri: StringMatch | None = None


class PortSelector(Closed):
    number: Port


class Target(Closed):
    host: str
    subset: str | None = None
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


class HttpRoute(Closed):
    name: str = ""
    match: list[HttpMatch] = []
    route: Annotated[list[HttpDestination], Field(min_length=1)]
    headers: Headers = Headers()
    timeout: Duration | None = None
    retries: Retries | None = None
    mirror: OnlyRunning = None
    mirrors: OnlyRunning = None
    mirror_percent: OnlyRunning = None
    mirror_percentage: OnlyRunning = None
    cors_policy: OnlyRunning = None
    fault: OnlyRunning = None


class VirtualServiceSpec(Closed):
    hosts: Annotated[list[HostName], Field(min_length=1)]
    gateways: list[str] = ["mesh"]
    export_to: Everywhere = []
    http: list[HttpRoute] = []
    tls: OnlyRunning = None
    tcp: OnlyRunning = None


class VirtualService(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: VirtualServiceSpec


class GatewayPort(Closed):
    number: Port
    name: str = ""
    protocol: str


class ServerTls(Open):
    """TLS that ends at the gateway, or a redirection to it: how it does chooses no route."""

    mode: str = ""


class Server(Closed):
    port: GatewayPort
    hosts: Annotated[list[HostName], Field(min_length=1)]
    name: str = ""
    tls: ServerTls | None = None

    @property
    def ends_tls(self) -> bool:
        return self.port.protocol.upper() == "HTTPS"

    @model_validator(mode="after")
    def _http(self) -> "Server":
        if self.port.protocol.upper() not in ("HTTP", "HTTP2", "HTTPS"):
            raise ValueError(f"protocol {self.port.protocol} is not emulated; use HTTP")
        if self.ends_tls and not (self.tls and self.tls.mode):
            raise ValueError("protocol HTTPS lacks tls.mode")
        return self


class GatewaySpec(Closed):
    selector: dict[str, str] = {}
    servers: Annotated[list[Server], Field(min_length=1)]


class Gateway(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: GatewaySpec
