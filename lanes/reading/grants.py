"""ReferenceGrants: which Services routes of other namespaces may lead to."""

from lanes.mesh.model import Host
from lanes.reading.kinds import gateway_api
from lanes.reading.manifests import Manifests


class Grants:
    """What HTTPRoutes at a Gateway may lead to; those in the mesh need no grant, says Istio."""

    def __init__(self, manifests: Manifests) -> None:
        self._given: dict[str, list[gateway_api.ReferenceGrant]] = {}
        for _, grant in manifests.of(gateway_api.ReferenceGrant):
            self._given.setdefault(grant.metadata.namespace, []).append(grant)

    def allow(self, namespace: str, host: Host) -> bool:
        """Whether HTTPRoutes of `namespace` may lead to a Service."""
        given = self._given.get(host.namespace, [])
        return host.namespace == namespace or any(g.lets(namespace, host.name) for g in given)
