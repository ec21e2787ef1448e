"""ListenerSets of the Gateway API, which add listeners to a Gateway.

https://gateway-api.sigs.k8s.io/geps/gep-1713/
"""

from typing import Annotated, Literal

from pydantic import Field

from lanes.reading.kinds.fields import Closed, ClosedKind
from lanes.reading.kinds.gateway_api import Listener


class ParentGateway(Closed):
    group: Literal["gateway.networking.k8s.io"] = "gateway.networking.k8s.io"
    kind: Literal["Gateway"] = "Gateway"
    name: str
    namespace: str | None = None


class ListenerSetSpec(Closed):
    parent_ref: ParentGateway
    listeners: Annotated[list[Listener], Field(min_length=1)]


class ListenerSet(ClosedKind):
    spec: ListenerSetSpec
