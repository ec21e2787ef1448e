"""The gateway's listener, and the calling side of every sidecar."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lanes.envoy.calls import call_ports
from lanes.envoy.filters import filters_for
from lanes.envoy.lua import SENT_ON, TAKEN_ALONG, TO_HEADER, for_headers, lua_filter
from lanes.envoy.parts import Json, address, typed
from lanes.envoy.routes import service_host, virtual_host
from lanes.envoy.tracing import Collector, tracing
from lanes.mesh.model import SIDECAR_PORT, Mesh, Pod, ServicePort
from lanes.mesh.traffic import Propagation


def gateway_listener(
    mesh: Mesh,
    port: int,
    collector: Collector | None = None,
    handed_on: Sequence[str] = (),
) -> Json:
    hosts = [virtual_host(host.domain, [host.domain], host.routes, mesh) for host in mesh.gateway]
    return {
        "name": "gateway",
        "address": address("127.0.0.1", port),
        "enable_reuse_port": False,  # or a second mesh could share the port
        "per_connection_buffer_limit_bytes": 32_768,
        "filter_chains": [
            _connection_manager(
                "gateway", hosts, [], _handing_on(handed_on), tracing(collector) | _EDGE
            )
        ],
    }


# What keeps slow and idle clients from the pods: with the limit above, what Istio's profile EDGE
# (connectionSettings of ProxyConfig) sets at gateways; only the time for a head is 60 s there.
_EDGE: Json = {
    "request_headers_timeout": "10s",
    "request_timeout": "300s",
    "stream_idle_timeout": "300s",
    "common_http_protocol_options": {"idle_timeout": "3600s"},
}


def sidecar_listeners(
    mesh: Mesh, addresses: Mapping[str, str], handed_on: Sequence[str] = ()
) -> Iterator[Json]:
    """A listener for each kind of sidecar: pods that see the same names, headers and routes."""

    def kind(pod: Pod) -> tuple[str, tuple[str, ...], tuple[str, ...], bool, tuple[int, ...]]:
        hands_on = bool(handed_on) and pod.imitates
        routes = tuple(_routes_seen(port, pod) for port in mesh.ports)
        headers, prefixes = pod.propagation.headers, pod.propagation.prefixes
        return pod.namespace, headers, prefixes, hands_on, routes

    for number, (_, group) in enumerate(groupby(sorted(mesh.pods, key=kind), key=kind)):
        pods = list(group)
        own = [pod for pod in pods if pod.command]
        calls = [(number if own else None, port) for number, port in call_ports(mesh)]
        first, *others = (
            *(address(addresses[pod.key], SIDECAR_PORT) for pod in pods),
            *(address(addresses[pod.key], number) for pod in own for number, _ in call_ports(mesh)),
        )
        hosts = [
            service_host(port.seen_by(pods[0]), pods[0].namespace, number, mesh)
            for number, port in calls
        ]
        yield {
            "name": f"sidecars-{number}",
            "address": first,
            "additional_addresses": [{"address": other} for other in others],
            "filter_chains": [
                _connection_manager(
                    "sidecar",
                    [*hosts, _UNKNOWN_HOST],
                    _outbound(pods[0], handed_on),
                    _handing_on(handed_on) | _exchanging(pods[0].propagation),
                    {},
                )
            ],
        }


def _routes_seen(port: ServicePort, pod: Pod) -> int:
    """The variant that a pod's calls meet; -1: the port's own routes, -2: those past a sidecar."""
    if pod.unrouted.covers(port):
        return -2
    number = port.variant(pod)
    return -1 if number is None else number


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


def _outbound(pod: Pod, handed_on: Sequence[str]) -> list[Json]:
    filters = []
    if pod.propagation != Propagation():
        filters.append(lua_filter(TO_HEADER))
    if handed_on and pod.imitates:
        filters.append(lua_filter(SENT_ON))
    return filters


def _handing_on(headers: Sequence[str]) -> Json:
    """What the scripts of stand-ins need to know, wherever they run."""
    return dict.fromkeys((TAKEN_ALONG, SENT_ON), for_headers(headers)) if headers else {}


def _exchanging(propagation: Propagation) -> Json:
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
            "validate_clusters": False,  # a rule may name a Service that is not there
        },
        http_filters=[
            *filters,
            *filters_for(virtual_hosts),
            typed("router", "extensions.filters.http.router.v3.Router"),
        ],
        normalize_path=True,
        **more,
        # Say what is missing, where Envoy would say nothing, or only that none is healthy.
        local_reply_config={
            "mappers": [
                {
                    "filter": {"response_flag_filter": {"flags": ["UH"]}},
                    "body_format_override": {
                        "text_format_source": {
                            "inline_string": "no healthy endpoint: %UPSTREAM_CLUSTER%\n"
                        }
                    },
                },
                {
                    "filter": {"response_flag_filter": {"flags": ["NC"]}},
                    "body_format_override": {
                        "text_format_source": {"inline_string": "its rule names no Service\n"}
                    },
                },
            ]
        },
    )
    return {"filters": [manager]}
