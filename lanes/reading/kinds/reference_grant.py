"""ReferenceGrants of the Gateway API, which allow references from other namespaces.

https://gateway-api.sigs.k8s.io/reference/api-types/referencegrant/
"""

from typing import Annotated

from pydantic import Field

from lanes.reading.kinds.fields import Closed, ClosedKind
from lanes.reading.kinds.gateway_api import GROUP


class GrantFrom(Closed):
    group: str
    kind: str
    namespace: str


class GrantTo(Closed):
    group: str
    kind: str
    name: str | None = None


class ReferenceGrantSpec(Closed):
    from_: Annotated[list[GrantFrom], Field(alias="from")]
    to: list[GrantTo]


class ReferenceGrant(ClosedKind):
    """Allows resources in other namespaces to refer to resources in its own."""

    spec: ReferenceGrantSpec

    def lets(self, kind: str, namespace: str, service: str) -> bool:
        """Tell whether routes of this kind in `namespace` may refer to a Service here."""
        sources = {(one.group, one.kind, one.namespace) for one in self.spec.from_}
        names = {one.name for one in self.spec.to if (one.group, one.kind) == ("", "Service")}
        return (GROUP, kind, namespace) in sources and bool(names & {None, "", service})
