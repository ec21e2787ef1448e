"""From the mesh to Envoy's configuration: a pure function, JSON in the end.

One Envoy process plays the gateway and every sidecar. The gateway is a listener of its own;
the sidecars' calling side is a listener with an address per pod, which services reach as
their `http_proxy`; the sidecars' receiving side is a filter of the cluster, run once Envoy
has chosen the pod.

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

# As Istio's proxies start: alone, Envoy refuses expressions of more than a few words.
_RUNTIME = {"re2.max_program_size.error_level": 32768}


def bootstrap(
    mesh: Mesh,
    addresses: Mapping[str, str],
    gateway_port: int,
    admin: str,
    ports: Mapping[str, int] = NO_PORTS,
    collector: Collector | None = None,
    handed_on: Sequence[str] = (),
) -> Json:
    """Envoy's whole configuration.

    `addresses` gives each pod's own loopback address by its key; the gateway listens
    on 127.0.0.1 at `gateway_port`, and Envoy's admin at a socket of the path `admin`. `ports` are
    those of pods that listen elsewhere than their manifest says. With a `collector`, requests are
    traced. `handed_on` are headers that stand-ins for other programs than the sample hand on.
    """
    return {
        "admin": {"address": {"pipe": {"path": admin, "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [
                gateway_listener(mesh, gateway_port, collector, handed_on),
                *sidecar_listeners(mesh, addresses, handed_on),
            ],
            "clusters": [
                *(cluster(d, addresses, ports, bool(handed_on)) for d in destinations(mesh)),
                *collector_clusters(collector),
            ],
        },
    }
