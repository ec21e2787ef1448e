"""Kubernetes' own kinds, and the OpenTelemetry Operator's."""

from typing import Annotated

from pydantic import Field, PlainValidator

from lanes.reading.kinds.fields import Closed, Metadata, Open, Port, Unused, port_or_name


class ServicePort(Open):
    port: Port
    target_port: Annotated[int | str | None, PlainValidator(port_or_name)] = None
    protocol: str = "TCP"


class ServiceSpec(Open):
    selector: dict[str, str] = {}
    ports: list[ServicePort] = []


class Service(Open):
    metadata: Metadata
    spec: ServiceSpec


class FieldRef(Open):
    field_path: str


class EnvSource(Closed):
    field_ref: FieldRef | None = None


class EnvVar(Closed):
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


class Container(Open):
    name: str
    image: str
    command: Unused = None
    args: Unused = None
    env_from: Unused = None
    env: list[EnvVar] = []
    ports: list[ContainerPort] = []
    readiness_probe: Probe | None = None


class PodSpec(Open):
    containers: Annotated[list[Container], Field(min_length=1, max_length=1)]
    init_containers: Unused = None


class PodMetadata(Open):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class PodTemplate(Open):
    metadata: PodMetadata
    spec: PodSpec


class DeploymentSpec(Open):
    replicas: Annotated[int, Field(ge=0)] = 1
    template: PodTemplate


class Deployment(Open):
    metadata: Metadata
    spec: DeploymentSpec


class Sampler(Closed):
    type: str = ""
    argument: str = ""


class Exporter(Closed):
    endpoint: str = ""


class PythonInstrumentation(Open):
    env: list[EnvVar] = []


class InstrumentationSpec(Open):
    env: list[EnvVar] = []
    propagators: list[str] = []
    sampler: Sampler = Sampler()
    exporter: Exporter = Exporter()
    python: PythonInstrumentation = PythonInstrumentation()


class Instrumentation(Open):
    metadata: Metadata
    spec: InstrumentationSpec
