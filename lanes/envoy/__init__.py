"""Envoy's configuration of a mesh: a pure function that returns JSON.

One Envoy process is the gateway and every sidecar. The gateway is one listener. A sidecar's
outbound side is a listener at the pod's address, which services use as `http_proxy`. A sidecar's
inbound side is a filter of the cluster, which runs when Envoy has chosen the pod.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lanes.envoy.clusters import cluster, destinations
from lanes.envoy.listeners import gateway_listener, sidecar_listeners
from lanes.envoy.parts import Json
from lanes.envoy.tracing import Collector, collector_clusters
from lanes.mesh.model import Mesh

__all__ = ["Json", "bootstrap"]

NO_PORTS: Mapping[str, int] = MappingProxyType({})

# As in Istio's proxies. Envoy's default rejects regular expressions of more than a few words.
_RUNTIME = {"re2.max_program_size.error_level": 32768}


def bootstrap(
    mesh: Mesh,
    addresses: Mapping[str, str],
    gateway_port: int,
    admin: str,
    ports: Mapping[str, int] = NO_PORTS,
    collector: Collector | None = None,
    propagated: Sequence[str] = (),
) -> Json:
    """Return Envoy's whole configuration.

    `addresses` are the pods' loopback addresses, by their keys; `ports` those of pods that listen
    at another port than in their manifest. The gateway listens on 127.0.0.1 at `gateway_port`,
    Envoy's admin interface at the socket with the path `admin`. With a `collector`, requests are
    traced. `propagated` are the headers that stand-ins for other programs propagate.
    """
    return {
        "admin": {"address": {"pipe": {"path": admin, "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [
                gateway_listener(mesh, gateway_port, collector, propagated),
                *sidecar_listeners(mesh, addresses, propagated),
            ],
            "clusters": [
                *(cluster(d, addresses, ports, bool(propagated)) for d in destinations(mesh)),
                *collector_clusters(collector),
            ],
        },
    }
