"""Models of the Kubernetes and mesh kinds that are supported.

Models of mesh kinds are closed: a field that they lack may choose a route, so it is an error.
`OnlyRunning` marks a field that chooses no route and that `lanes up` does not simulate. Models of
core kinds are open: other fields, such as security contexts, are ignored.

Fields follow the published schemas: https://istio.io/latest/docs/reference/config/networking/
for the Istio kinds, Alibaba Cloud Service Mesh for `fallback` and ASMHeaderPropagation, and
https://gateway-api.sigs.k8s.io for the Kubernetes Gateway API.
"""

from typing import Any

from pydantic import BaseModel

from lanes.reading.kinds import gateway_api
from lanes.reading.kinds.asm import (
    ASMHeaderPropagation,
    ASMSwimLane,
    ASMSwimLaneGroup,
    TrafficLabel,
)
from lanes.reading.kinds.core import (
    ConfigMap,
    Container,
    ContainerPort,
    DaemonSet,
    Deployment,
    Endpoints,
    EndpointSlice,
    EnvVar,
    HttpGet,
    Instrumentation,
    InstrumentationSpec,
    Namespace,
    Pod,
    PodMetadata,
    PodSpec,
    PodTemplate,
    ReplicaSet,
    Rollout,
    RolloutSpec,
    Service,
    ServicePort,
    ServiceSpec,
    StatefulSet,
    Workload,
    WorkloadSpec,
)
from lanes.reading.kinds.destination_rules import (
    DestinationRule,
    LoadBalancer,
    OutlierDetection,
    RulePolicy,
    Subset,
    TrafficPolicy,
)
from lanes.reading.kinds.fields import Metadata, Untyped, only_running
from lanes.reading.kinds.grpc_route import GRPCRoute
from lanes.reading.kinds.http_route import HTTPRoute
from lanes.reading.kinds.istio import (
    EnvoyFilter,
    Gateway,
    ServiceEntry,
    Sidecar,
    WorkloadEntry,
)
from lanes.reading.kinds.listener_set import ListenerSet
from lanes.reading.kinds.reference_grant import ReferenceGrant
from lanes.reading.kinds.security import PeerAuthentication, RequestAuthentication
from lanes.reading.kinds.virtual_services import (
    CorsPolicy,
    Delay,
    Delegate,
    HeaderOperations,
    HttpDestination,
    HttpMatch,
    HttpRoute,
    MirrorTarget,
    Retries,
    StringMatch,
    Target,
    VirtualService,
)

__all__ = [
    "KNOWN",
    "ASMHeaderPropagation",
    "ASMSwimLane",
    "ASMSwimLaneGroup",
    "ConfigMap",
    "Container",
    "ContainerPort",
    "CorsPolicy",
    "Delay",
    "Delegate",
    "Deployment",
    "DestinationRule",
    "EndpointSlice",
    "Endpoints",
    "EnvVar",
    "EnvoyFilter",
    "GRPCRoute",
    "Gateway",
    "HTTPRoute",
    "HeaderOperations",
    "HttpDestination",
    "HttpGet",
    "HttpMatch",
    "HttpRoute",
    "Instrumentation",
    "InstrumentationSpec",
    "ListenerSet",
    "LoadBalancer",
    "Metadata",
    "MirrorTarget",
    "Namespace",
    "OutlierDetection",
    "PeerAuthentication",
    "Pod",
    "PodMetadata",
    "PodSpec",
    "PodTemplate",
    "ReferenceGrant",
    "RequestAuthentication",
    "Retries",
    "Rollout",
    "RolloutSpec",
    "RulePolicy",
    "Service",
    "ServiceEntry",
    "ServicePort",
    "ServiceSpec",
    "Sidecar",
    "StringMatch",
    "Subset",
    "Target",
    "TrafficLabel",
    "TrafficPolicy",
    "Untyped",
    "VirtualService",
    "Workload",
    "WorkloadEntry",
    "WorkloadSpec",
    "gateway_api",
    "group_of",
    "may_route",
    "only_running",
]

KNOWN: dict[tuple[str, str], type[BaseModel]] = {
    ("", "ConfigMap"): ConfigMap,
    ("", "Endpoints"): Endpoints,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSlice,
    ("", "Namespace"): Namespace,
    ("", "Pod"): Pod,
    ("", "Service"): Service,
    ("apps", "DaemonSet"): DaemonSet,
    ("apps", "Deployment"): Deployment,
    ("apps", "ReplicaSet"): ReplicaSet,
    ("apps", "StatefulSet"): StatefulSet,
    ("argoproj.io", "Rollout"): Rollout,
    ("opentelemetry.io", "Instrumentation"): Instrumentation,
    ("istio.alibabacloud.com", "ASMHeaderPropagation"): ASMHeaderPropagation,
    ("istio.alibabacloud.com", "ASMSwimLane"): ASMSwimLane,
    ("istio.alibabacloud.com", "ASMSwimLaneGroup"): ASMSwimLaneGroup,
    ("istio.alibabacloud.com", "TrafficLabel"): TrafficLabel,
    ("networking.istio.io", "DestinationRule"): DestinationRule,
    ("networking.istio.io", "VirtualService"): VirtualService,
    ("networking.istio.io", "EnvoyFilter"): EnvoyFilter,
    ("networking.istio.io", "Gateway"): Gateway,
    ("networking.istio.io", "ServiceEntry"): ServiceEntry,
    ("networking.istio.io", "Sidecar"): Sidecar,
    ("networking.istio.io", "WorkloadEntry"): WorkloadEntry,
    ("security.istio.io", "PeerAuthentication"): PeerAuthentication,
    ("security.istio.io", "RequestAuthentication"): RequestAuthentication,
    (gateway_api.GROUP, "BackendTLSPolicy"): gateway_api.BackendTLSPolicy,
    (gateway_api.GROUP, "Gateway"): gateway_api.Gateway,
    (gateway_api.GROUP, "GRPCRoute"): GRPCRoute,
    (gateway_api.GROUP, "HTTPRoute"): HTTPRoute,
    (gateway_api.GROUP, "ListenerSet"): ListenerSet,
    (gateway_api.GROUP, "ReferenceGrant"): ReferenceGrant,
}

# Other kinds of these groups may choose routes, so they are errors. All further kinds choose none:
# they are reported as not simulated.
_ROUTING_GROUPS = frozenset({"networking.istio.io", "istio.alibabacloud.com"})
_ROUTING = frozenset({("gateway.networking.x-k8s.io", "XListenerSet")})
_NOT_ROUTING = frozenset(
    {
        ("istio.alibabacloud.com", "ASMCircuitBreaker"),
        ("istio.alibabacloud.com", "ASMLocalRateLimiter"),
        ("istio.alibabacloud.com", "IstioGateway"),  # deploys a gateway
        ("networking.istio.io", "ProxyConfig"),
        ("networking.istio.io", "WorkloadGroup"),
    }
)


def may_route(group: str, kind: str) -> bool:
    """Tell whether a kind that is not in `KNOWN` may choose a route."""
    return (group, kind) in _ROUTING or (
        group in _ROUTING_GROUPS and (group, kind) not in _NOT_ROUTING
    )


def group_of(document: dict[str, Any]) -> str:
    """Return the API group of a manifest; "": a core kind."""
    version = str(document.get("apiVersion", ""))
    return version.rpartition("/")[0]
