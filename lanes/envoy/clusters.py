"""Clusters: endpoints in tiers, their health, and the receiving side of every sidecar."""

from collections.abc import Mapping

from lanes.envoy.lua import TAKEN_ALONG, TO_BAGGAGE, lua_filter
from lanes.envoy.parts import TYPES, Json, address, seconds, typed
from lanes.mesh.model import Destination, Endpoint, Mesh, destinations_of
from lanes.mesh.traffic import Outlier, Propagation

_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"

# A pod that stops answering is out within a check, like one that a cluster finds not ready.
_CHECK_SECONDS = 0.5


def destinations(mesh: Mesh) -> list[Destination]:
    """Every destination that a route leads to, once; of those that exist."""
    known = [
        route
        for route in mesh.routes
        if not route.unknown and not mesh.outside(destinations_of([route]))
    ]
    mirrored = (mirror.destination for route in known for mirror in route.mirrors)
    copies = (one for one in mirrored if not mesh.outside([one]))
    led = (*destinations_of(known), *copies)
    return list({d.name: d for d in led if d.tiers}.values())


def cluster(
    destination: Destination,
    addresses: Mapping[str, str],
    ports: Mapping[str, int],
    takes_along: bool = False,
) -> Json:
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
                takes_along=takes_along and any(e.pod.imitates for e in endpoints),
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
            # The next tier takes over when none of this one is left, not bit by bit.
            "policy": {"overprovisioning_factor": 1_000_000},
        },
        # With every endpoint unhealthy, say so; do not try them all the same.
        "common_lb_config": {"healthy_panic_threshold": {"value": panic}},
        "circuit_breakers": {"thresholds": [_NO_LIMITS]},
    }
    paths = {e.pod.health.path if e.pod.health else None for e in endpoints}
    if destination.outlier:  # as in Istio, none unless asked for
        cluster["outlier_detection"] = _outlier_detection(destination.outlier)
    return cluster | ({"health_checks": [_health_check(paths)]} if paths else {})


_CONNECT_SECONDS = 1.0  # where nothing says so; a mesh waits longer

# As in Istio: no limit unless asked for. Envoy's own would let only three requests retry at once.
_NO_LIMITS: Json = dict.fromkeys(
    ("max_connections", "max_pending_requests", "max_requests", "max_retries"), 2**32 - 1
)


def _endpoint(endpoint: Endpoint, addresses: Mapping[str, str], ports: Mapping[str, int]) -> Json:
    pod, port = endpoint.pod, endpoint.port
    # A stand-in listens at one port, whichever its Services lead to.
    own = pod.command is None or port == pod.port
    listens = ports.get(pod.key, pod.port) if own else port
    host: Json = {"address": address(addresses[pod.key], listens)}
    if endpoint.pod.readiness:
        host["health_check_config"] = {"port_value": endpoint.pod.readiness.port}
    return {"endpoint": host}


def _protocol(destination: Destination, *, http2: bool, takes_along: bool) -> Json:
    spoken = "http2_protocol_options" if http2 else "http_protocol_options"
    options: Json = {"@type": TYPES + _HTTP_OPTIONS, "explicit_http_config": {spoken: {}}}
    if destination.idle_timeout is not None:
        idle = {"idle_timeout": seconds(destination.idle_timeout)}
        options["common_http_protocol_options"] = idle
    filters = []
    if destination.propagation != Propagation():
        filters.append(lua_filter(TO_BAGGAGE))
    if takes_along:
        filters.append(lua_filter(TAKEN_ALONG))
    if filters:
        codec = typed("codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec")
        options["http_filters"] = [*filters, codec]
    return options


def _health_check(paths: set[str | None]) -> Json:
    """The readiness probe, asked by Envoy; pods without one are ready when they accept."""
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
        failures = default if count is None else count  # what is unset in Istio is Envoy's own
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
