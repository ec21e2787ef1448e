"""The two kinds of traffic that rules are for: calls in the mesh, and requests at a gateway."""

from dataclasses import dataclass

from lanes.mesh.model import Host, Pod


@dataclass(frozen=True)
class Side:
    """Calls in the mesh to a Service's port, or requests at a gateway's port.

    `gateways`: the names by which rules limit themselves to this side. `caller`: the calling pod;
    None: a gateway, or a pod that no rule names.
    """

    gateways: frozenset[str]
    port: int
    host: Host | None = None
    caller: Pod | None = None
    ends_tls: bool = False
