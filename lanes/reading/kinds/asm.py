"""Alibaba Cloud Service Mesh's own kinds: propagation of headers, traffic labels, lane groups.

https://www.alibabacloud.com/help/en/asm/sidecar/asmswimlanegroup-and-asmswimlane-crd-description
https://www.alibabacloud.com/help/en/asm/sidecar/label-traffic
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from lanes.reading.kinds.fields import Closed, ClosedKind, Count, HeaderName, HostName, Port
from lanes.reading.kinds.virtual_services import HeaderMatch, UriMatch

# The header that names a lane if its group sets no `routeHeader`.
ROUTE_HEADER = "x-asm-prefer-tag"


class WorkloadSelector(Closed):
    labels: dict[str, str] = {}


class ASMHeaderPropagationSpec(Closed):
    headers: list[HeaderName] = []
    header_prefix: list[HeaderName] = []
    workload_selector: WorkloadSelector | None = None


class ASMHeaderPropagation(ClosedKind):
    spec: ASMHeaderPropagationSpec


class Label(Closed):
    """A header that sidecars set, from the first source that has a value."""

    name: HeaderName
    value_from: Annotated[list[str], Field(min_length=1)]


class TrafficLabelRule(Closed):
    labels: list[Label] = []
    attach_to: list[str] = []
    protocols: str = ""


class TrafficLabelSpec(Closed):
    workload_selector: WorkloadSelector | None = None
    rules: list[TrafficLabelRule] = []


class TrafficLabel(ClosedKind):
    spec: TrafficLabelSpec


class GroupService(Closed):
    """A Service in a group of lanes; `cluster` chooses no route."""

    name: str
    namespace: str = "default"
    cluster: dict[str, Any] = {}


class LaneGateway(Closed):
    name: str
    namespace: str = "istio-system"
    type: Literal["ASM", "ingress"] = "ASM"


class LaneMatch(Closed):
    uri: UriMatch | None = None
    headers: dict[HeaderName, HeaderMatch] = {}


class WeightedRule(Closed):
    hosts: list[HostName] = []
    request_matches: list[LaneMatch] = []


class LaneRouting(Closed):
    ingress_routing_strategy: Literal["weighted", "rule_based"] = "rule_based"
    weighted_routing_rule: WeightedRule = WeightedRule.model_construct()


class LaneIngress(Closed):
    gateway: LaneGateway | None = None
    ingress_routing: LaneRouting = LaneRouting.model_construct()


class PermissiveMode(Closed):
    """The baseline of a group of lanes, and the headers that carry the lane."""

    fallback_target: str = ""
    service_level_fallback_target: dict[str, str] = {}
    route_header: HeaderName = ROUTE_HEADER
    trace_header: str = ""


class LaneGroupSpec(Closed):
    services: list[GroupService] = []
    ingress: LaneIngress = LaneIngress.model_construct()
    is_permissive: bool = False
    permissive_mode_configuration: PermissiveMode = PermissiveMode.model_construct()
    auto_update: bool = False


class ASMSwimLaneGroup(ClosedKind):
    spec: LaneGroupSpec


class LaneDestination(Closed):
    host: str = ""
    port_num: Port | None = None


class LaneRoute(Closed):
    destination: LaneDestination = LaneDestination.model_construct()


class LaneIngressRule(Closed):
    online: bool = False
    hosts: list[HostName] = []
    name: str = ""
    match: LaneMatch = LaneMatch.model_construct()
    route: LaneRoute = LaneRoute.model_construct()


class LaneWeight(Closed):
    destination: LaneDestination = LaneDestination.model_construct()
    weight: Count = 0


class LaneSpec(Closed):
    label_selector: dict[str, str] = {}
    services: list[GroupService] = []
    ingress_rules: list[LaneIngressRule] = []
    ingress_weight: LaneWeight = LaneWeight.model_construct()


class ASMSwimLane(ClosedKind):
    spec: LaneSpec

    @property
    def group(self) -> str:
        """The name of the lane's group; "": no group."""
        return self.metadata.labels.get("swimlane-group", "")
