"""ReferenceGrants: which Services the routes of other namespaces may lead to."""

from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests


class Grants:
    """The ReferenceGrants by namespace. Istio checks them for routes at a Gateway alone."""

    def __init__(self, manifests: Manifests) -> None:
        self._grants: dict[str, list[kinds.ReferenceGrant]] = {}
        for _, grant in manifests.of(kinds.ReferenceGrant):
            self._grants.setdefault(grant.metadata.namespace, []).append(grant)

    def allow(self, kind: str, namespace: str, host: Host) -> bool:
        """Tell whether routes of this kind in `namespace` may lead to a Service."""
        grants = self._grants.get(host.namespace, [])
        return host.namespace == namespace or any(
            grant.lets(kind, namespace, host.name) for grant in grants
        )
