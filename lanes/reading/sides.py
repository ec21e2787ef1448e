"""The two sides that rules are for: calls in the mesh, and requests at a gateway."""

from dataclasses import dataclass

from lanes.mesh.model import Host, Pod


@dataclass(frozen=True)
class Side:
    """For whom rules are meant: calls in the mesh to a Service's port, or requests at a gateway's.

    `gateways`: by the names that rules may limit themselves to. `callers`: the pods that may call;
    at a gateway none, and nothing is known of it.
    """

    gateways: frozenset[str]
    port: int
    host: Host | None = None
    callers: tuple[Pod, ...] = ()
    ends_tls: bool = False
