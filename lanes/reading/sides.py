"""The two sides that rules are for: calls in the mesh, and requests at a gateway."""

from dataclasses import dataclass

from lanes.mesh.model import Host, Pod


@dataclass(frozen=True)
class Side:
    """For whom rules are meant: calls in the mesh to a Service's port, or requests at a gateway's.

    `gateways`: by the names that rules may limit themselves to. `caller`: the pod that calls; None:
    one that no rule is about, or a gateway, of which nothing is known.
    """

    gateways: frozenset[str]
    port: int
    host: Host | None = None
    caller: Pod | None = None
    ends_tls: bool = False
