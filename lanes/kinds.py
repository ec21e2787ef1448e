"""The Kubernetes and mesh kinds that the laptop mesh understands, field by field.

Mesh kinds are closed: a field that is not here is not emulated, and a manifest
that uses it is refused rather than half obeyed. Core kinds are open: a cluster
acts on probes, resources and security contexts, and one machine does not need to.

Fields follow the published schemas: https://istio.io/latest/docs/reference/config/networking/
for the Istio kinds, and Alibaba Cloud Service Mesh for `fallback` and ASMHeaderPropagation.
"""

import re
from typing import Annotated, Any, Literal

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TOKEN = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+")
_FORMAT = re.compile(r"(?:[^%]|%%|%[A-Z0-9_]+(?:\([^)]*\))?(?::\d+)?%)*")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")


def seconds(text: object) -> float:
    """A Kubernetes duration ("1.5s", "1m30s", "250ms") in seconds."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError("should be a duration such as 500ms, 2s or 1m30s")
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([\d.]+)(ms|h|m|s)", text))


def _target_port(value: object) -> int | str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and 1 <= value <= 65535:
        return value
    raise ValueError("should be a port from 1 to 65535, or a port's name")


def _header_changed(name: str) -> str:
    if name.lower() == "host" or not _TOKEN.fullmatch(name):
        raise ValueError("is no header that can be changed here")
    return name


def _header_value(value: str) -> str:
    if not _FORMAT.fullmatch(value):
        raise ValueError("has a % that is neither doubled nor part of an Envoy command")
    return value


def _absent(value: object) -> object:
    return None if value in ([], {}, "") else value


Duration = Annotated[float, BeforeValidator(seconds)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Percent = Annotated[int, Field(ge=0, le=100)]
HostName = Annotated[str, Field(min_length=1)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
Changes = dict[
    Annotated[str, AfterValidator(_header_changed)], Annotated[str, AfterValidator(_header_value)]
]
# A field that must not ask for anything.
Unused = Annotated[None, BeforeValidator(_absent)]


def _require_re2(regex: str) -> None:
    """Raises ValueError for what is no regular expression of Envoy's dialect, RE2."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(regex, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"regex does not compile as RE2: {reason}") from None


class Open(BaseModel):
    """A core kind: fields not named here are the cluster's business."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class Closed(BaseModel):
    """A mesh kind: fields not named here are not emulated, and refused."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="forbid")


class Metadata(Open):
    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


# Core kinds


class ServicePort(Open):
    port: Port
    target_port: Annotated[int | str | None, PlainValidator(_target_port)] = None
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


# OpenTelemetry Operator


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


# Alibaba Cloud Service Mesh


class WorkloadSelector(Closed):
    labels: dict[str, str] = {}


class ASMHeaderPropagationSpec(Closed):
    headers: list[HeaderName] = []
    header_prefix: list[HeaderName] = []
    workload_selector: WorkloadSelector | None = None


class ASMHeaderPropagation(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: ASMHeaderPropagationSpec


# Istio


class OutlierDetection(Closed):
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: Count | None = None
    consecutive_gateway_errors: Count | None = None
    consecutive_5xx_errors: Annotated[Count | None, Field(alias="consecutive5xxErrors")] = None
    interval: Annotated[Duration, Field(gt=0)] = 10.0
    base_ejection_time: Annotated[Duration, Field(gt=0)] = 30.0
    max_ejection_percent: Percent = 10
    min_health_percent: Percent = 0


class LocalityLbSetting(Closed):
    enabled: bool = True
    failover_priority: list[str] = []


class LoadBalancer(Closed):
    simple: Literal["LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"] = "LEAST_REQUEST"
    locality_lb_setting: LocalityLbSetting = LocalityLbSetting()


class TrafficPolicy(Closed):
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None


class Subset(Closed):
    name: str
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Closed):
    host: str
    subsets: list[Subset] = []
    traffic_policy: TrafficPolicy | None = None


class DestinationRule(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: DestinationRuleSpec


class StringMatch(Closed):
    """Exactly one of three ways to match; a regex matches the whole value (RE2)."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "StringMatch":
        ways = [way for way in (self.exact, self.prefix, self.regex) if way is not None]
        if len(ways) != 1:
            raise ValueError("should have exactly one of exact, prefix and regex")
        if self.regex is not None:
            _require_re2(self.regex)
        return self


class HeaderMatch(StringMatch):
    """A header's value; unlike a URI's, it has no empty prefix in Envoy."""

    @model_validator(mode="after")
    def _not_empty(self) -> "HeaderMatch":
        if "" in (self.prefix, self.regex):
            raise ValueError("is empty; leave it out to match anything")
        return self


class HttpMatch(Closed):
    name: str = ""
    headers: dict[str, HeaderMatch] = {}
    uri: StringMatch | None = None


class PortSelector(Closed):
    number: Port


class Target(Closed):
    host: str
    subset: str | None = None
    port: PortSelector | None = None


class Fallback(Closed):
    target: Target


class HeaderOperations(Closed):
    set: Changes = {}
    add: Changes = {}
    remove: list[str] = []


class Headers(Closed):
    request: HeaderOperations = HeaderOperations()
    response: HeaderOperations = HeaderOperations()


class HttpDestination(Closed):
    destination: Target
    fallback: Fallback | None = None
    weight: Count | None = None
    headers: Headers = Headers()


class Retries(Closed):
    attempts: Count = 2
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_remote_localities: bool = False


class HttpRoute(Closed):
    name: str = ""
    match: list[HttpMatch] = []
    route: Annotated[list[HttpDestination], Field(min_length=1)]
    headers: Headers = Headers()
    timeout: Duration | None = None
    retries: Retries | None = None


class VirtualServiceSpec(Closed):
    hosts: Annotated[list[HostName], Field(min_length=1)]
    gateways: list[str] = ["mesh"]
    http: Annotated[list[HttpRoute], Field(min_length=1)]


class VirtualService(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: VirtualServiceSpec


class GatewayPort(Closed):
    number: Port
    name: str = ""
    protocol: str


class Server(Closed):
    port: GatewayPort
    hosts: Annotated[list[HostName], Field(min_length=1)]
    name: str = ""

    @model_validator(mode="after")
    def _plain_http(self) -> "Server":
        if self.port.protocol.upper() not in ("HTTP", "HTTP2"):
            raise ValueError(f"protocol {self.port.protocol} is not emulated; use HTTP")
        return self


class GatewaySpec(Closed):
    selector: dict[str, str] = {}
    servers: Annotated[list[Server], Field(min_length=1)]


class Gateway(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: GatewaySpec


EMULATED: dict[tuple[str, str], type[BaseModel]] = {
    ("", "Service"): Service,
    ("apps", "Deployment"): Deployment,
    ("opentelemetry.io", "Instrumentation"): Instrumentation,
    ("istio.alibabacloud.com", "ASMHeaderPropagation"): ASMHeaderPropagation,
    ("networking.istio.io", "DestinationRule"): DestinationRule,
    ("networking.istio.io", "VirtualService"): VirtualService,
    ("networking.istio.io", "Gateway"): Gateway,
}

# Kinds that secure, scale or observe a cluster's pods and choose no route. They are read,
# named to the user, and left to the cluster.
LEFT_TO_THE_CLUSTER = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Namespace"),
        ("", "Pod"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("monitoring.coreos.com", "ServiceMonitor"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("security.istio.io", "AuthorizationPolicy"),
        ("security.istio.io", "PeerAuthentication"),
    }
)


def group_of(document: dict[str, Any]) -> str:
    """The API group of a manifest: "" for core kinds."""
    version = str(document.get("apiVersion", ""))
    return version.rpartition("/")[0]
