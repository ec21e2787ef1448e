"""Gateways of the Kubernetes Gateway API, and their listeners.

https://gateway-api.sigs.k8s.io/reference/api-types/gateway/
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lanes.reading.kinds.fields import (
    Closed,
    ClosedKind,
    HostName,
    Metadata,
    OnlyRunning,
    Open,
    Port,
)

GROUP = "gateway.networking.k8s.io"


class RouteKind(Closed):
    group: str = GROUP
    kind: str


class NamespaceSelector(Closed):
    match_labels: dict[str, str] = {}


class RouteNamespaces(Closed):
    from_: Annotated[Literal["Same", "All", "Selector"], Field(alias="from")] = "Same"
    selector: NamespaceSelector = NamespaceSelector.model_construct()


class AllowedRoutes(Closed):
    namespaces: RouteNamespaces = RouteNamespaces.model_construct()
    kinds: list[RouteKind] = []


class ListenerTls(Open):
    """TLS at the gateway; its settings choose no route."""

    mode: str = "Terminate"


class Listener(Closed):
    name: str
    hostname: HostName = "*"
    port: Port
    protocol: str
    tls: ListenerTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes.model_construct()

    @property
    def http(self) -> bool:
        """Whether it accepts HTTPRoutes; plans ignore other listeners."""
        return self.protocol in ("HTTP", "HTTPS")

    @property
    def ends_tls(self) -> bool:
        return self.protocol == "HTTPS"

    @model_validator(mode="after")
    def _ends_it(self) -> "Listener":
        if self.ends_tls and (self.tls is None or self.tls.mode != "Terminate"):
            raise ValueError("protocol HTTPS needs tls with the mode Terminate")
        return self


class ListenerNamespaces(Closed):
    from_: Annotated[Literal["None", "Same", "All", "Selector"], Field(alias="from")] = "None"
    selector: NamespaceSelector = NamespaceSelector.model_construct()


class AllowedListeners(Closed):
    namespaces: ListenerNamespaces = ListenerNamespaces.model_construct()


class GatewaySpec(Closed):
    gateway_class_name: str
    listeners: Annotated[list[Listener], Field(min_length=1)]
    allowed_listeners: AllowedListeners = AllowedListeners.model_construct()
    tls: OnlyRunning = None
    infrastructure: dict[str, Any] = {}
    addresses: list[Any] = []


class Gateway(ClosedKind):
    spec: GatewaySpec


class PolicyTarget(Open):
    kind: str = ""
    name: str = ""


class PolicySpec(Open):
    target_refs: list[PolicyTarget] = []


class BackendTLSPolicy(Open):
    """Makes gateways call Services by TLS, and names the certificate that pods need."""

    metadata: Metadata
    spec: PolicySpec
