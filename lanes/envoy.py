"""From the mesh to Envoy's configuration: a pure function, JSON in the end.

One Envoy process plays the gateway and every sidecar. The gateway is a listener of its own;
the sidecars' calling side is a listener with an address per pod, which services reach as
their `http_proxy`; the sidecars' receiving side is a filter of the cluster, run once Envoy
has chosen the pod.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from lanes import lua
from lanes.model import (
    Destination,
    Endpoint,
    HeaderOps,
    Match,
    Mesh,
    Outlier,
    Pod,
    Propagation,
    Retry,
    Route,
    ServicePort,
    StringMatch,
    Weighted,
)

Json = dict[str, Any]

SIDECAR_PORT = 15001
ADMIN_PORT = 15000

# A pod that stops answering is out within a check, like one that a cluster finds not ready.
_CHECK_SECONDS = 0.5

_TYPES = "type.googleapis.com/envoy."
_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"

# Only when no connection stood does a request that is not GET or HEAD go out again.
_REPEATABLE = [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}]


def bootstrap(mesh: Mesh, addresses: Mapping[str, str], gateway_port: int, admin: str) -> Json:
    """Envoy's whole configuration.

    `addresses` gives each pod's own loopback address by its key; the gateway listens
    on 127.0.0.1 at `gateway_port`, and Envoy's admin page at address `admin`.
    """
    return {
        "admin": {"address": _address(admin, ADMIN_PORT)},
        "static_resources": {
            "listeners": [
                _gateway_listener(mesh, gateway_port),
                *_sidecar_listeners(mesh, addresses),
            ],
            "clusters": [_cluster(d, addresses) for d in _destinations(mesh)],
        },
    }


def _address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}


def _typed(name: str, kind: str, **fields: Any) -> Json:
    return {"name": name, "typed_config": {"@type": _TYPES + kind, **fields}}


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") + "s"


# Listeners


def _gateway_listener(mesh: Mesh, port: int) -> Json:
    hosts = [_virtual_host(host.domain, [host.domain], host.routes) for host in mesh.gateway]
    return {
        "name": "gateway",
        "address": _address("127.0.0.1", port),
        "filter_chains": [_connection_manager("gateway", hosts, [])],
    }


def _sidecar_listeners(mesh: Mesh, addresses: Mapping[str, str]) -> Iterator[Json]:
    """A listener for each kind of sidecar: pods that see the same names and headers."""

    def kind(pod: Pod) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        return pod.namespace, pod.propagation.headers, pod.propagation.prefixes

    for number, (_, group) in enumerate(groupby(sorted(mesh.pods, key=kind), key=kind)):
        pods = list(group)
        first, *others = (_address(addresses[pod.key], SIDECAR_PORT) for pod in pods)
        hosts = [_service_host(port, pods[0].namespace) for port in mesh.ports]
        yield {
            "name": f"sidecars-{number}",
            "address": first,
            "additional_addresses": [{"address": other} for other in others],
            "filter_chains": [
                _connection_manager("sidecar", [*hosts, _UNKNOWN_HOST], _outbound(pods[0]))
            ],
        }


_UNKNOWN_HOST: Json = {
    "name": "unknown",
    "domains": ["*"],
    "routes": [
        {
            "match": {"prefix": "/"},
            "direct_response": {
                "status": 502,
                "body": {"inline_string": "no such Service in the manifests\n"},
            },
        }
    ],
}


def _outbound(pod: Pod) -> list[Json]:
    if pod.propagation == Propagation():
        return []
    return [_lua(lua.baggage_to_header(pod.propagation))]


def _lua(source: str) -> Json:
    kind = "extensions.filters.http.lua.v3.Lua"
    return _typed("lanes", kind, default_source_code={"inline_string": source})


def _connection_manager(name: str, virtual_hosts: list[Json], filters: list[Json]) -> Json:
    manager = _typed(
        "http",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={
            "name": name,
            "virtual_hosts": virtual_hosts,
            "ignore_port_in_host_matching": name == "gateway",
        },
        http_filters=[*filters, _typed("router", "extensions.filters.http.router.v3.Router")],
        normalize_path=True,
        # Say which subset is missing, where Envoy would only say that none is healthy.
        local_reply_config={
            "mappers": [
                {
                    "filter": {"response_flag_filter": {"flags": ["UH"]}},
                    "body_format_override": {
                        "text_format_source": {
                            "inline_string": "no healthy endpoint: %UPSTREAM_CLUSTER%\n"
                        }
                    },
                }
            ]
        },
    )
    return {"filters": [manager]}


# Routes


def _service_host(port: ServicePort, namespace: str) -> Json:
    host = port.host
    names = [f"{host.name}.{host.namespace}", f"{host.name}.{host.namespace}.svc", host.fqdn]
    if host.namespace == namespace:
        names.insert(0, host.name)
    domains = [f"{name}:{port.port}" for name in names]
    if port.port == 80:
        domains += names
    return _virtual_host(f"{host.fqdn}:{port.port}", domains, port.routes)


def _virtual_host(name: str, domains: list[str], routes: tuple[Route, ...]) -> Json:
    return {
        "name": name,
        "domains": domains,
        "routes": [entry for route in routes for entry in _entries(route)],
    }


def _entries(route: Route) -> Iterator[Json]:
    """One Envoy route for each of a rule's matches."""
    action = {
        "timeout": _seconds(route.timeout or 0),
        "retry_policy": _retry_policy(route.retry),
        **_target(route.destinations),
    }
    for match in route.matches or (Match(),):
        yield {"match": _match(match), "route": action, **_headers(route.request, route.response)}


def _target(destinations: tuple[Weighted, ...]) -> Json:
    return {
        "weighted_clusters": {
            "clusters": [
                {
                    "name": w.destination.name,
                    "weight": w.weight,
                    **_headers(w.request, w.response),
                }
                for w in destinations
            ]
        }
    }


def _match(match: Match) -> Json:
    entry: Json = {"prefix": "/"}
    if match.uri is not None:
        how = {"exact": "path", "prefix": "prefix", "regex": "safe_regex"}[match.uri.how]
        entry = {how: {"regex": match.uri.value} if how == "safe_regex" else match.uri.value}
    if match.headers:
        entry["headers"] = [
            {"name": name, "string_match": _string_match(m)} for name, m in match.headers.items()
        ]
    return entry


def _string_match(match: StringMatch) -> Json:
    if match.how == "regex":
        return {"safe_regex": {"regex": match.value}}
    return {match.how: match.value}


def _headers(request: HeaderOps, response: HeaderOps) -> Json:
    changes: Json = {}
    for side, ops in (("request", request), ("response", response)):
        added = [
            {"header": {"key": name, "value": value}, "append_action": action}
            for values, action in (
                (ops.set, "OVERWRITE_IF_EXISTS_OR_ADD"),
                (ops.add, "APPEND_IF_EXISTS_OR_ADD"),
            )
            for name, value in values.items()
        ]
        if added:
            changes[f"{side}_headers_to_add"] = added
        if ops.remove:
            changes[f"{side}_headers_to_remove"] = list(ops.remove)
    return changes


def _retry_policy(retry: Retry | None) -> Json:
    """The rule's own retries; else enough of them that taking a pod away costs no request."""
    policy: Json = {
        "retry_host_predicate": [
            _typed(
                "envoy.retry_host_predicates.previous_hosts",
                "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ],
        "host_selection_retry_max_attempts": 5,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
    }
    if retry is None or retry.next_tier:
        # First another pod of the lane; only then the next tier.
        policy["retry_priority"] = _typed(
            "envoy.retry_priorities.previous_priorities",
            "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            update_frequency=2,
        )
    if retry is None or not retry.retry_on:
        policy["retry_on"] = "connect-failure,refused-stream,reset"
        policy["retriable_request_headers"] = _REPEATABLE
    else:
        names = [name.strip() for name in retry.retry_on.split(",")]
        codes = [int(name) for name in names if name.isdigit()]
        conditions = [name for name in names if not name.isdigit()]
        policy["retry_on"] = ",".join(conditions + ["retriable-status-codes"] * bool(codes))
        policy["retriable_status_codes"] = codes
    policy["num_retries"] = retry.attempts if retry else 4
    if retry and retry.per_try_timeout is not None:
        policy["per_try_timeout"] = _seconds(retry.per_try_timeout)
    return policy


# Clusters


def _destinations(mesh: Mesh) -> list[Destination]:
    """Every destination that a route leads to, once."""
    routes = [r for host in mesh.gateway for r in host.routes]
    routes += [r for port in mesh.ports for r in port.routes]
    return list(
        {w.destination.name: w.destination for r in routes for w in r.destinations}.values()
    )


def _cluster(destination: Destination, addresses: Mapping[str, str]) -> Json:
    tiers = [tier for tier in destination.tiers if tier]
    endpoints = [e for tier in tiers for e in tier]
    panic = destination.outlier.min_health_percent if destination.outlier else 0
    cluster = {
        "name": destination.name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": destination.balancer,
        "typed_extension_protocol_options": {
            _TYPES.removeprefix("type.googleapis.com/") + _HTTP_OPTIONS: _protocol(
                destination.propagation
            )
        },
        "load_assignment": {
            "cluster_name": destination.name,
            "endpoints": [
                {"priority": priority, "lb_endpoints": [_endpoint(e, addresses) for e in tier]}
                for priority, tier in enumerate(tiers)
            ],
            # The next tier takes over when none of this one is left, not bit by bit.
            "policy": {"overprovisioning_factor": 1_000_000},
        },
        # With every endpoint unhealthy, say so; do not try them all the same.
        "common_lb_config": {"healthy_panic_threshold": {"value": panic}},
        "outlier_detection": _outlier_detection(destination.outlier),
        "circuit_breakers": {"thresholds": [_NO_LIMITS]},
    }
    paths = {e.pod.readiness_path for e in endpoints}
    return cluster | ({"health_checks": [_health_check(paths)]} if paths else {})


# As in Istio: no limit unless asked for. Envoy's own would let only three requests retry at once.
_NO_LIMITS: Json = dict.fromkeys(
    ("max_connections", "max_pending_requests", "max_requests", "max_retries"), 2**32 - 1
)


def _endpoint(endpoint: Endpoint, addresses: Mapping[str, str]) -> Json:
    return {"endpoint": {"address": _address(addresses[endpoint.pod.key], endpoint.port)}}


def _protocol(propagation: Propagation) -> Json:
    options: Json = {
        "@type": _TYPES + _HTTP_OPTIONS,
        "explicit_http_config": {"http_protocol_options": {}},
    }
    if propagation != Propagation():
        options["http_filters"] = [
            _lua(lua.header_to_baggage(propagation)),
            _typed("codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
        ]
    return options


def _health_check(paths: set[str | None]) -> Json:
    """The readiness probe, asked by Envoy; pods without one are ready when they accept."""
    check: Json = {
        "timeout": "1s",
        "interval": _seconds(_CHECK_SECONDS),
        "no_traffic_interval": _seconds(_CHECK_SECONDS),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }
    path = next(iter(paths)) if len(paths) == 1 else None
    if path is None:
        return check | {"tcp_health_check": {}}
    return check | {"http_health_check": {"path": path}}


def _outlier_detection(outlier: Outlier | None) -> Json:
    """A DestinationRule's own; else one failure to connect ejects until a check succeeds.

    Answers with status 5xx eject nobody: they are the service's, and no reason to leave a lane.
    """
    if outlier is None:
        return {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 1,
            "enforcing_consecutive_local_origin_failure": 100,
            **_NO_OTHER_REASON,
            "max_ejection_percent": 100,
            "base_ejection_time": "5s",
        }
    detection: Json = {
        "split_external_local_origin_errors": outlier.split_local_origin,
        "interval": _seconds(outlier.interval),
        "base_ejection_time": _seconds(outlier.base_ejection_time),
        "max_ejection_percent": outlier.max_ejection_percent,
        **_NO_OTHER_REASON,
    }
    for name, count in (
        ("consecutive_local_origin_failure", outlier.consecutive_local_origin),
        ("consecutive_gateway_failure", outlier.consecutive_gateway),
        ("consecutive_5xx", outlier.consecutive_5xx),
    ):
        if count:
            detection |= {name: count, f"enforcing_{name}": 100}
    return detection


_NO_OTHER_REASON: Json = {
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "enforcing_failure_percentage": 0,
    "enforcing_failure_percentage_local_origin": 0,
}
