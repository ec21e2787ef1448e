"""The Kubernetes and mesh kinds that the laptop mesh understands, field by field.

Mesh kinds are closed: a field that is not here is not emulated, and a manifest
that uses it is refused rather than half obeyed. Core kinds are open: a cluster
acts on probes, resources and security contexts, and one machine does not need to.

Fields follow the published schemas: https://istio.io/latest/docs/reference/config/networking/
for the Istio kinds, Alibaba Cloud Service Mesh for `fallback` and ASMHeaderPropagation, and
https://gateway-api.sigs.k8s.io for the Kubernetes Gateway API.
"""

from typing import Any

from pydantic import BaseModel

from lanes.reading.kinds import gateway_api
from lanes.reading.kinds.asm import ASMHeaderPropagation
from lanes.reading.kinds.core import (
    Container,
    Deployment,
    EnvVar,
    Instrumentation,
    InstrumentationSpec,
    PodTemplate,
    Service,
    ServiceSpec,
)
from lanes.reading.kinds.fields import Metadata
from lanes.reading.kinds.istio import (
    DestinationRule,
    Gateway,
    HeaderOperations,
    HttpDestination,
    HttpMatch,
    HttpRoute,
    LoadBalancer,
    OutlierDetection,
    Retries,
    StringMatch,
    Subset,
    Target,
    TrafficPolicy,
    VirtualService,
)

__all__ = [
    "EMULATED",
    "LEFT_TO_THE_CLUSTER",
    "ASMHeaderPropagation",
    "Container",
    "Deployment",
    "DestinationRule",
    "EnvVar",
    "Gateway",
    "HeaderOperations",
    "HttpDestination",
    "HttpMatch",
    "HttpRoute",
    "Instrumentation",
    "InstrumentationSpec",
    "LoadBalancer",
    "Metadata",
    "OutlierDetection",
    "PodTemplate",
    "Retries",
    "Service",
    "ServiceSpec",
    "StringMatch",
    "Subset",
    "Target",
    "TrafficPolicy",
    "VirtualService",
    "gateway_api",
    "group_of",
]

EMULATED: dict[tuple[str, str], type[BaseModel]] = {
    ("", "Service"): Service,
    ("apps", "Deployment"): Deployment,
    ("opentelemetry.io", "Instrumentation"): Instrumentation,
    ("istio.alibabacloud.com", "ASMHeaderPropagation"): ASMHeaderPropagation,
    ("networking.istio.io", "DestinationRule"): DestinationRule,
    ("networking.istio.io", "VirtualService"): VirtualService,
    ("networking.istio.io", "Gateway"): Gateway,
    (gateway_api.GROUP, "Gateway"): gateway_api.Gateway,
    (gateway_api.GROUP, "HTTPRoute"): gateway_api.HTTPRoute,
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
        (gateway_api.GROUP, "GatewayClass"),
        (gateway_api.GROUP, "ReferenceGrant"),
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
