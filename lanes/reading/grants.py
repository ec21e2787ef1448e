"""ReferenceGrants: which Services routes of other namespaces may lead to."""

from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests


class Grants:
    """What HTTPRoutes at a Gateway may lead to; those in the mesh need no grant, says Istio."""

    def __init__(self, manifests: Manifests) -> None:
        self._given: dict[str, list[kinds.ReferenceGrant]] = {}
        for _, grant in manifests.of(kinds.ReferenceGrant):
            self._given.setdefault(grant.metadata.namespace, []).append(grant)

    def allow(self, kind: str, namespace: str, host: Host) -> bool:
        """Whether routes of this kind in `namespace` may lead to a Service."""
        given = self._given.get(host.namespace, [])
        return host.namespace == namespace or any(g.lets(kind, namespace, host.name) for g in given)
