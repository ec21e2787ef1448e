"""Kinds of Kubernetes, of Argo Rollouts, and of the OpenTelemetry Operator."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from lanes.mesh.model import Host
from lanes.reading.kinds.fields import Metadata, OnlyRunning, Open, Port, port_or_name

# More replicas change no plan, and a laptop cannot run them.
MOST_REPLICAS = 1000

Replicas = Annotated[int, Field(ge=0, le=MOST_REPLICAS)]


def _port_or_default(value: object) -> int | str | None:
    """Return a `targetPort`; None: 0 or "", which mean the Service's port."""
    return None if value == "" or (value == 0 and value is not False) else port_or_name(value)


class ServicePort(Open):
    port: Port
    name: str = ""
    app_protocol: str = ""
    target_port: Annotated[int | str | None, PlainValidator(_port_or_default)] = None
    protocol: str = "TCP"


class ServiceSpec(Open):
    type: str = ""
    cluster_ip: Annotated[str, Field(alias="clusterIP")] = ""
    external_name: str = ""
    selector: dict[str, str] = {}
    ports: list[ServicePort] = []


class Service(Open):
    metadata: Metadata
    spec: ServiceSpec

    @property
    def host(self) -> Host:
        """The Service as the mesh names it."""
        return Host(self.metadata.name, self.metadata.namespace)


class ConfigMap(Open):
    metadata: Metadata
    data: dict[str, Any] = {}


class FieldRef(Open):
    field_path: str


class EnvSource(Open):
    """The source of a variable's value.

    Only fields of the pod, and values of ConfigMaps that were read, are known without a cluster.
    """

    field_ref: FieldRef | None = None
    secret_key_ref: OnlyRunning = None
    config_map_key_ref: OnlyRunning = None
    resource_field_ref: OnlyRunning = None
    file_key_ref: OnlyRunning = None


class EnvVar(Open):
    name: str
    value: str = ""
    value_from: EnvSource | None = None


class ContainerPort(Open):
    name: str = ""
    container_port: Port


class HttpGet(Open):
    path: str = "/"
    port: Annotated[int | str, PlainValidator(port_or_name)]


class Probe(Open):
    http_get: HttpGet | None = None
    grpc: Any = None


class Container(Open):
    name: str = ""
    image: str = ""
    command: OnlyRunning = None
    args: OnlyRunning = None
    env_from: OnlyRunning = None
    env: list[EnvVar] = []
    ports: list[ContainerPort] = []
    readiness_probe: Probe | None = None


class PodSpec(Open):
    containers: Annotated[list[Container], Field(min_length=1)]
    init_containers: OnlyRunning = None
    host_network: bool = False


class PodMetadata(Open):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class PodTemplate(Open):
    metadata: PodMetadata = PodMetadata.model_construct()
    spec: PodSpec


class LabelSelector(Open):
    match_labels: dict[str, str] = {}


class WorkloadSpec(Open):
    replicas: Replicas = 1
    selector: LabelSelector = LabelSelector.model_construct()
    template: PodTemplate


class Workload(Open):
    """A kind that runs pods from a template."""

    metadata: Metadata
    spec: WorkloadSpec


class Deployment(Workload):
    pass


class StatefulSet(Workload):
    pass


class DaemonSet(Workload):
    """Runs a pod on each node; here there is one node."""


class ReplicaSet(Workload):
    pass


class Reference(Open):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class RolloutSpec(Open):
    replicas: Replicas = 1
    selector: LabelSelector = LabelSelector.model_construct()
    template: PodTemplate | None = None
    workload_ref: Reference | None = None


class Rollout(Open):
    """A Rollout of Argo, with its own template or that of the workload it refers to."""

    metadata: Metadata
    spec: RolloutSpec


class Pod(Open):
    metadata: Metadata
    spec: PodSpec


class SliceConditions(Open):
    ready: bool | None = None


class SliceEndpoint(Open):
    addresses: list[str] = []
    conditions: SliceConditions = SliceConditions.model_construct()
    target_ref: Reference = Reference.model_construct()


class EndpointSlice(Open):
    """Addresses of a Service without a selector; a label names the Service."""

    metadata: Metadata
    endpoints: list[SliceEndpoint] = []


class EndpointAddress(Open):
    ip: str = ""
    target_ref: Reference = Reference.model_construct()


class EndpointSubset(Open):
    addresses: list[EndpointAddress] = []


class Endpoints(Open):
    """The older form of EndpointSlices; it has the name of its Service."""

    metadata: Metadata
    subsets: list[EndpointSubset] = []


class Sampler(Open):
    type: str = ""
    argument: str = ""


class LanguageInstrumentation(Open):
    env: list[EnvVar] = []


class InstrumentationSpec(Open):
    env: list[EnvVar] = []
    propagators: list[str] = []
    sampler: Sampler = Sampler.model_construct()
    python: LanguageInstrumentation = LanguageInstrumentation.model_construct()
    java: LanguageInstrumentation = LanguageInstrumentation.model_construct()
    nodejs: LanguageInstrumentation = LanguageInstrumentation.model_construct()
    dotnet: LanguageInstrumentation = LanguageInstrumentation.model_construct()
    go: LanguageInstrumentation = LanguageInstrumentation.model_construct()

    def of(self, language: str) -> LanguageInstrumentation:
        """Return the settings of one language; empty: it has none."""
        found = getattr(self, language, None)
        return found if isinstance(found, LanguageInstrumentation) else LanguageInstrumentation()


class Instrumentation(Open):
    metadata: Metadata
    spec: InstrumentationSpec


class Namespace(Open):
    metadata: Metadata
