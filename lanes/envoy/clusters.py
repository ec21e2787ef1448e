"""Clusters: endpoints in tiers, health checks, and the inbound side of every sidecar."""

from collections.abc import Mapping

from lanes.envoy.lua import KEEP_HEADERS, TO_BAGGAGE, lua_filter
from lanes.envoy.parts import TYPES, Json, address, seconds, typed
from lanes.mesh.model import Destination, Endpoint, Mesh, destinations_of
from lanes.mesh.traffic import Outlier, Propagation

_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"

# How often health checks run.
_CHECK_SECONDS = 0.5
_CONNECT_SECONDS = 1.0  # the default; a mesh waits longer

# As in Istio: no limits by default. Envoy's defaults would allow only three retries at a time.
_NO_LIMITS: Json = dict.fromkeys(
    ("max_connections", "max_pending_requests", "max_requests", "max_retries"), 2**32 - 1
)


def destinations(mesh: Mesh) -> list[Destination]:
    """Return the destinations and mirrors of supported routes inside the mesh, each once."""
    routes = [
        route
        for route in mesh.routes
        if not route.unknown and not mesh.outside(destinations_of([route]))
    ]
    mirrors = (mirror.destination for route in routes for mirror in route.mirrors)
    inside = (mirror for mirror in mirrors if not mesh.outside([mirror]))
    reached = (*destinations_of(routes), *inside)
    return list({d.name: d for d in reached if d.tiers}.values())


def cluster(
    destination: Destination,
    addresses: Mapping[str, str],
    ports: Mapping[str, int],
    propagates: bool = False,
) -> Json:
    """Return the cluster of a destination. `propagates` is for stand-ins that propagate headers."""
    tiers = [tier for tier in destination.tiers if tier]
    endpoints = destination.endpoints
    panic = destination.outlier.min_health_percent if destination.outlier else 0
    cluster = {
        "name": destination.name,
        "type": "STATIC",
        "connect_timeout": seconds(destination.connect_timeout or _CONNECT_SECONDS),
        "lb_policy": destination.balancer,
        "typed_extension_protocol_options": {
            f"envoy.{_HTTP_OPTIONS}": _protocol(
                destination,
                http2=destination.http2 and all(e.pod.command for e in endpoints),
                propagates=propagates and any(e.pod.imitates for e in endpoints),
            )
        },
        "load_assignment": {
            "cluster_name": destination.name,
            "endpoints": [
                {
                    "priority": priority,
                    "lb_endpoints": [_endpoint(e, addresses, ports) for e in tier],
                }
                for priority, tier in enumerate(tiers)
            ],
            # The next tier gets requests only when this one has no healthy endpoint.
            "policy": {"overprovisioning_factor": 1_000_000},
        },
        # Without a healthy endpoint, requests fail: Envoy tries no unhealthy ones (panic mode).
        "common_lb_config": {"healthy_panic_threshold": {"value": panic}},
        "circuit_breakers": {"thresholds": [_NO_LIMITS]},
    }
    paths = {e.pod.health.path if e.pod.health else None for e in endpoints}
    if destination.outlier:  # as in Istio, none unless asked for
        cluster["outlier_detection"] = _outlier_detection(destination.outlier)
    return cluster | ({"health_checks": [_health_check(paths)]} if paths else {})


def _endpoint(endpoint: Endpoint, addresses: Mapping[str, str], ports: Mapping[str, int]) -> Json:
    pod, port = endpoint.pod, endpoint.port
    if pod.command is None or port == pod.port:  # a stand-in has one port for all its Services
        port = ports.get(pod.key, pod.port)
    host: Json = {"address": address(addresses[pod.key], port)}
    if pod.readiness:
        host["health_check_config"] = {"port_value": pod.readiness.port}
    return {"endpoint": host}


def _protocol(destination: Destination, *, http2: bool, propagates: bool) -> Json:
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    options: Json = {"@type": TYPES + _HTTP_OPTIONS, "explicit_http_config": {protocol: {}}}
    if destination.idle_timeout is not None:
        idle = {"idle_timeout": seconds(destination.idle_timeout)}
        options["common_http_protocol_options"] = idle
    filters = []
    if destination.propagation != Propagation():
        filters.append(lua_filter(TO_BAGGAGE))
    if propagates:
        filters.append(lua_filter(KEEP_HEADERS))
    if filters:
        codec = typed("codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec")
        options["http_filters"] = [*filters, codec]
    return options


def _health_check(paths: set[str | None]) -> Json:
    """Return the check of these paths of readiness probes, one path or else a TCP connection."""
    check: Json = {
        "timeout": "1s",
        "interval": seconds(_CHECK_SECONDS),
        "no_traffic_interval": seconds(_CHECK_SECONDS),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }
    path = next(iter(paths)) if len(paths) == 1 else None
    if path is None:
        return check | {"tcp_health_check": {}}
    return check | {"http_health_check": {"path": path}}


def _outlier_detection(outlier: Outlier) -> Json:
    detection: Json = {
        "split_external_local_origin_errors": outlier.split_local_origin,
        "interval": seconds(outlier.interval),
        "base_ejection_time": seconds(outlier.base_ejection_time),
        "max_ejection_percent": outlier.max_ejection_percent,
        **_NO_OTHER_REASON,
    }
    for name, count, default in (
        ("consecutive_local_origin_failure", outlier.consecutive_local_origin, 5),
        ("consecutive_gateway_failure", outlier.consecutive_gateway, 0),
        ("consecutive_5xx", outlier.consecutive_5xx, 5),
    ):
        failures = default if count is None else count  # Istio leaves Envoy's default
        detection[f"enforcing_{name}"] = 100 if failures else 0
        if failures:
            detection[name] = failures
    return detection


_NO_OTHER_REASON: Json = {
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "enforcing_failure_percentage": 0,
    "enforcing_failure_percentage_local_origin": 0,
}
