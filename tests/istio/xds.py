"""The configuration that istiod sends to a proxy, without a proxy.

The client subscribes to all resources by Envoy's protocol. It reads them as JSON from istiod's
debug page.
"""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import urllib3
from google.protobuf.struct_pb2 import Struct

from tests.istio.kube_api import Document

Json = dict[str, Any]

_TYPES = "type.googleapis.com/envoy.config."
_CLUSTERS = _TYPES + "cluster.v3.Cluster"
_LISTENERS = _TYPES + "listener.v3.Listener"
_ROUTES = _TYPES + "route.v3.RouteConfiguration"
_ENDPOINTS = _TYPES + "endpoint.v3.ClusterLoadAssignment"
_STREAM = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_LONGEST = 20  # seconds for one answer


class Xds:
    """Gets istiod's configuration for any proxy."""

    def __init__(self, xds: tuple[str, int], debug: str) -> None:
        host, port = xds
        unlimited = [("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(f"{host}:{port}", options=unlimited)
        self._debug = debug
        self._http = urllib3.PoolManager(maxsize=1)

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def config(self, node: Document) -> Json:
        """Return the configuration of the proxy that reports itself as `node`, as a dump."""
        name = node["id"].split("~")[2]
        with self._stream(node) as subscribe:
            subscribe(_CLUSTERS, ())
            subscribe(_LISTENERS, ())
            first = self._dump(name)
            subscribe(_ROUTES, _route_names(first))
            subscribe(_ENDPOINTS, _endpoint_names(first))
            return self._dump(name)

    def _dump(self, proxy: str) -> Json:
        url = f"{self._debug}/debug/config_dump?include_eds=true&proxyID={proxy}"
        answer = self._http.request("GET", url, timeout=_LONGEST, retries=False)
        assert answer.status == 200, answer.data
        dump: Json = answer.json()
        return dump

    @contextmanager
    def _stream(self, node: Document) -> Iterator[Any]:
        sent: queue.Queue[bytes | None] = queue.Queue()
        call = self._channel.stream_stream(_STREAM)(iter(sent.get, None), timeout=60)
        started = False

        def subscribe(kind: str, names: Sequence[str]) -> None:
            nonlocal started
            if names or kind in (_CLUSTERS, _LISTENERS):
                sent.put(_request(kind, names, None if started else node))
                started = True
                next(call)

        try:
            yield subscribe
        finally:
            sent.put(None)
            call.cancel()


def _route_names(dump: Json) -> list[str]:
    """Return the names of the route configurations that the listeners use."""
    return sorted(
        {
            rds["routeConfigName"]
            for listener in resources(dump, "ListenersConfigDump")
            for rds in everything(listener, "rds")
        }
    )


def _endpoint_names(dump: Json) -> list[str]:
    """Return the names of the clusters that get endpoints from istiod."""
    clusters = resources(dump, "ClustersConfigDump")
    return sorted(cluster["name"] for cluster in clusters if cluster.get("type") == "EDS")


def everything(value: Any, key: str) -> Iterator[Any]:
    """Yield every value at `key`, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from everything(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from everything(inner, key)


_PLACES = {
    "ClustersConfigDump": ("dynamicActiveClusters", ("cluster",)),
    "ListenersConfigDump": ("dynamicListeners", ("activeState", "listener")),
    "RoutesConfigDump": ("dynamicRouteConfigs", ("routeConfig",)),
    "EndpointsConfigDump": ("dynamicEndpointConfigs", ("endpointConfig",)),
}


def resources(dump: Json, kind: str) -> Iterator[Json]:
    """Yield the resources of one kind in a proxy's dump."""
    listed, steps = _PLACES[kind]
    for part in dump["configs"]:
        if part["@type"].endswith(kind):
            for entry in part.get(listed, ()):
                for step in steps:
                    entry = entry[step]
                yield entry


def _request(kind: str, names: Sequence[str], node: Document | None) -> bytes:
    """Return a DiscoveryRequest.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto
    """
    parts = [_field(3, name.encode()) for name in names]
    parts.append(_field(4, kind.encode()))
    if node is not None:
        metadata = Struct()
        metadata.update(node["metadata"])
        own = (node["id"].encode(), node["cluster"].encode(), metadata.SerializeToString())
        parts.append(_field(2, b"".join(_field(n, part) for n, part in enumerate(own, 1))))
    return b"".join(parts)


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field of a protocol buffer."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
