"""The gateway's listener, and the outbound side of every sidecar."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lanes.envoy.calls import call_ports
from lanes.envoy.filters import filters_for
from lanes.envoy.lua import KEEP_HEADERS, RESTORE_HEADERS, TO_HEADER, for_headers, lua_filter
from lanes.envoy.parts import Json, address, typed
from lanes.envoy.routes import service_host, virtual_host
from lanes.envoy.tracing import Collector, tracing
from lanes.mesh.model import SIDECAR_PORT, Mesh, Pod
from lanes.mesh.traffic import Propagation


def gateway_listener(
    mesh: Mesh,
    port: int,
    collector: Collector | None = None,
    propagated: Sequence[str] = (),
) -> Json:
    hosts = [virtual_host(host.domain, [host.domain], host.routes, mesh) for host in mesh.gateway]
    return {
        "name": "gateway",
        "address": address("127.0.0.1", port),
        "enable_reuse_port": False,  # otherwise a second mesh could share the port
        "per_connection_buffer_limit_bytes": 32_768,
        "filter_chains": [
            _connection_manager(
                "gateway", hosts, [], _propagated(propagated), tracing(collector) | _EDGE
            )
        ],
    }


# Limits on slow and idle clients. With the buffer limit above, these are Istio's at gateways
# (profile EDGE of ProxyConfig.connectionSettings), except for 60 s for a request's headers there.
_EDGE: Json = {
    "request_headers_timeout": "10s",
    "request_timeout": "300s",
    "stream_idle_timeout": "300s",
    "common_http_protocol_options": {"idle_timeout": "3600s"},
}


def sidecar_listeners(
    mesh: Mesh, addresses: Mapping[str, str], propagated: Sequence[str] = ()
) -> Iterator[Json]:
    """Yield a listener for each kind of sidecar: pods with the same names, headers and routes."""

    def kind(pod: Pod) -> tuple[str, tuple[str, ...], tuple[str, ...], bool, tuple[int, ...]]:
        propagates = bool(propagated) and pod.imitates
        routes = tuple(port.variant(pod) for port in mesh.ports)
        headers, prefixes = pod.propagation.headers, pod.propagation.prefixes
        return pod.namespace, headers, prefixes, propagates, routes

    ports = list(call_ports(mesh))
    for index, (_, group) in enumerate(groupby(sorted(mesh.pods, key=kind), key=kind)):
        pods = list(group)
        commands = [pod for pod in pods if pod.command]
        first, *others = (
            *(address(addresses[pod.key], SIDECAR_PORT) for pod in pods),
            *(address(addresses[pod.key], number) for pod in commands for number, _ in ports),
        )
        calls = [(number if commands else None, port) for number, port in ports]
        hosts = [
            service_host(port.seen_by(pods[0]), pods[0].namespace, number, mesh)
            for number, port in calls
        ]
        yield {
            "name": f"sidecars-{index}",
            "address": first,
            "additional_addresses": [{"address": other} for other in others],
            "filter_chains": [
                _connection_manager(
                    "sidecar",
                    [*hosts, _UNKNOWN_HOST],
                    _outbound(pods[0], propagated),
                    _propagated(propagated) | _exchanged(pods[0].propagation),
                    {},
                )
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


def _outbound(pod: Pod, propagated: Sequence[str]) -> list[Json]:
    filters = []
    if pod.propagation != Propagation():
        filters.append(lua_filter(TO_HEADER))
    if propagated and pod.imitates:
        filters.append(lua_filter(RESTORE_HEADERS))
    return filters


def _propagated(headers: Sequence[str]) -> Json:
    """Return the context of the scripts for stand-ins."""
    return dict.fromkeys((KEEP_HEADERS, RESTORE_HEADERS), for_headers(headers)) if headers else {}


def _exchanged(propagation: Propagation) -> Json:
    """Return the context of the script that sets headers from baggage."""
    if propagation == Propagation():
        return {}
    return {TO_HEADER: for_headers(propagation.headers, propagation.prefixes)}


def _connection_manager(
    name: str, virtual_hosts: list[Json], filters: list[Json], scripts: Json, more: Json
) -> Json:
    manager = typed(
        "http",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={
            "name": name,
            "virtual_hosts": virtual_hosts,
            **({"typed_per_filter_config": scripts} if scripts else {}),
            "ignore_port_in_host_matching": name == "gateway",
            "validate_clusters": False,  # a rule may name a Service that does not exist
        },
        http_filters=[
            *filters,
            *filters_for(virtual_hosts),
            typed("router", "extensions.filters.http.router.v3.Router"),
        ],
        normalize_path=True,
        **more,
        local_reply_config={"mappers": [_reply(flag, text) for flag, text in _REPLIES.items()]},
    )
    return {"filters": [manager]}


# Bodies of errors, by Envoy's response flag. Envoy's own do not name the destination.
_REPLIES = {
    "UH": "no healthy endpoint: %UPSTREAM_CLUSTER%\n",
    "NC": "its rule names no Service\n",
}


def _reply(flag: str, text: str) -> Json:
    return {
        "filter": {"response_flag_filter": {"flags": [flag]}},
        "body_format_override": {"text_format_source": {"inline_string": text}},
    }
