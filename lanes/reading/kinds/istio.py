"""Other kinds of Istio's networking group."""

from typing import Annotated

from pydantic import Field, model_validator

from lanes.reading.kinds.fields import (
    Closed,
    ClosedKind,
    ExportTo,
    HostName,
    Metadata,
    OnlyRunning,
    Open,
    Port,
    wrong,
)

# Rules in this namespace are the defaults for the whole mesh.
# https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-root_namespace
ROOT_NAMESPACE = "istio-system"


class GatewayPort(Closed):
    number: Port
    name: str = ""
    protocol: str
    target_port: OnlyRunning = None


class ServerTls(Open):
    """TLS at the gateway, or a redirect to HTTPS; its other settings choose no route."""

    mode: str = ""
    https_redirect: bool = False


class Server(Closed):
    port: GatewayPort
    hosts: Annotated[list[HostName], Field(min_length=1)]
    name: str = ""
    tls: ServerTls | None = None
    bind: OnlyRunning = None

    @property
    def http(self) -> bool:
        """Whether it handles HTTP requests; plans ignore other servers."""
        ended = (
            self.ends_tls and self.tls and self.tls.mode not in ("PASSTHROUGH", "AUTO_PASSTHROUGH")
        )
        return bool(ended) or self.port.protocol.upper() in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")

    @property
    def ends_tls(self) -> bool:
        return self.port.protocol.upper() == "HTTPS"

    @property
    def to_https(self) -> bool:
        """Whether it redirects every request to HTTPS."""
        return not self.ends_tls and self.tls is not None and self.tls.https_redirect

    @model_validator(mode="after")
    def _http(self) -> "Server":
        if self.ends_tls and not (self.tls and self.tls.mode):
            raise wrong("protocol HTTPS needs tls.mode")
        return self


class GatewaySpec(Closed):
    selector: dict[str, str] = {}
    servers: Annotated[list[Server], Field(min_length=1)]


class Gateway(ClosedKind):
    spec: GatewaySpec


class EntryPort(Open):
    number: Port
    name: str = ""
    protocol: str = "TCP"
    target_port: Port | None = None


class EntryEndpoint(Open):
    address: str = ""
    labels: dict[str, str] = {}


class EntrySelector(Open):
    labels: dict[str, str] = {}


class ServiceEntrySpec(Closed):
    """Hosts that are not Services: outside the cluster, or on machines."""

    hosts: Annotated[list[HostName], Field(min_length=1)]
    ports: list[EntryPort] = []
    endpoints: list[EntryEndpoint] = []
    workload_selector: EntrySelector | None = None
    export_to: ExportTo = []
    addresses: OnlyRunning = None
    location: OnlyRunning = None
    resolution: OnlyRunning = None
    subject_alt_names: OnlyRunning = None


class ServiceEntry(ClosedKind):
    spec: ServiceEntrySpec


class WorkloadEntrySpec(Open):
    labels: dict[str, str] = {}


class WorkloadEntry(Open):
    """A machine that Services select like a pod."""

    metadata: Metadata
    spec: WorkloadEntrySpec


class Patch(Open):
    apply_to: str = ""


class EnvoyFilterSpec(Open):
    config_patches: list[Patch] = []


class EnvoyFilter(Open):
    metadata: Metadata
    spec: EnvoyFilterSpec = EnvoyFilterSpec.model_construct()


class Egress(Closed):
    hosts: list[str] = []


class SidecarSpec(Closed):
    """The hosts that sidecars import; calls to other hosts bypass them."""

    workload_selector: EntrySelector | None = None
    egress: list[Egress] = []
    ingress: OnlyRunning = None
    inbound_connection_pool: OnlyRunning = None


class Sidecar(ClosedKind):
    spec: SidecarSpec = SidecarSpec.model_construct()
