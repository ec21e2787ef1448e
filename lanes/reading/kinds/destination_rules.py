"""DestinationRules: subsets and traffic policies."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lanes.reading.kinds.fields import (
    Closed,
    ClosedKind,
    Count,
    Duration,
    ExportTo,
    OnlyRunning,
    Percent,
    PortSelector,
)


class OutlierDetection(Closed):
    consecutive_errors: Any = None  # istiod ignores it
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
    # By region and zone, which no manifest has.
    distribute: OnlyRunning = None
    failover: OnlyRunning = None


def _balancer(simple: object) -> object:
    return "LEAST_REQUEST" if simple in ("UNSPECIFIED", "LEAST_CONN") else simple


Simple = Annotated[Literal["LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"], BeforeValidator(_balancer)]


class LoadBalancer(Closed):
    simple: Simple = "LEAST_REQUEST"
    locality_lb_setting: LocalityLbSetting = LocalityLbSetting.model_construct()
    consistent_hash: OnlyRunning = None
    warmup: OnlyRunning = None
    warmup_duration_secs: OnlyRunning = None


def _visible(tls: Any) -> Any:
    """Return TLS settings; None: off, or the mesh's own TLS, which callers cannot see."""
    if isinstance(tls, dict) and tls.get("mode", "DISABLE") in ("DISABLE", "ISTIO_MUTUAL"):
        return None
    return tls


class TcpKeepalive(Closed):
    """How lost hosts are detected; one machine loses none."""

    probes: Count | None = None
    time: Duration | None = None
    interval: Duration | None = None


def _is_off(tls: Any) -> bool:
    """Tell whether calls are sent without TLS."""
    return isinstance(tls, dict) and tls.get("mode", "DISABLE") == "DISABLE"


class TcpPool(Closed):
    connect_timeout: Annotated[Duration | None, Field(gt=0)] = None
    max_connections: OnlyRunning = None
    max_connection_duration: OnlyRunning = None
    idle_timeout: OnlyRunning = None
    tcp_keepalive: TcpKeepalive | None = None


class Http2KeepAlive(Closed):
    """How lost hosts are detected between proxies that use HTTP/2: with pings."""

    interval: Annotated[Duration, Field(gt=0)]
    timeout: Annotated[Duration, Field(gt=0)]


class HttpPool(Closed):
    idle_timeout: Annotated[Duration | None, Field(gt=0)] = None
    # The protocol between proxies; services get the same requests.
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] = "DEFAULT"
    http2_keep_alive: Http2KeepAlive | None = None
    http1_max_pending_requests: OnlyRunning = None
    http2_max_requests: OnlyRunning = None
    max_requests_per_connection: OnlyRunning = None
    max_retries: OnlyRunning = None
    use_client_protocol: OnlyRunning = None
    max_concurrent_streams: OnlyRunning = None


class ConnectionPool(Closed):
    tcp: TcpPool = TcpPool.model_construct()
    http: HttpPool = HttpPool.model_construct()


class TrafficPolicy(Closed):
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    connection_pool: ConnectionPool | None = None
    tls: Annotated[OnlyRunning, BeforeValidator(_visible)] = None
    tunnel: OnlyRunning = None
    proxy_protocol: OnlyRunning = None
    retry_budget: OnlyRunning = None

    plain_text: bool | None = None  # its TLS is off; None: not set

    @model_validator(mode="before")
    @classmethod
    def _add_plain_text(cls, written: Any) -> Any:
        if isinstance(written, dict) and written.get("tls") is not None:
            return {**written, "plainText": _is_off(written["tls"])}
        return written


class PortPolicy(TrafficPolicy):
    """A port's policy, which replaces the whole policy of its rule."""

    port: PortSelector


class RulePolicy(TrafficPolicy):
    port_level_settings: list[PortPolicy] = []


class Subset(Closed):
    name: str
    labels: dict[str, str] = {}
    traffic_policy: RulePolicy | None = None


class DestinationRuleSpec(Closed):
    host: str
    export_to: ExportTo = []
    subsets: list[Subset] = []
    traffic_policy: RulePolicy | None = None


class DestinationRule(ClosedKind):
    spec: DestinationRuleSpec
