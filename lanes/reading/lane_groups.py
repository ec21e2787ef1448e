"""Lane groups of ASM, as the routing that ASM's documentation says it makes of them.

A group becomes a VirtualService and a DestinationRule for each of its Services, a VirtualService at
its gateway, and an ASMHeaderPropagation if baggage carries the lane. Warnings say what the plan
assumes where the documentation says nothing.

https://www.alibabacloud.com/help/en/asm/sidecar/asmswimlanegroup-and-asmswimlane-crd-description
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lanes.mesh.diagnostics import Finding
from lanes.mesh.model import VERSION_LABELS, Host
from lanes.reading import kinds
from lanes.reading.kinds.asm import GroupService, Label, LaneDestination, LaneMatch
from lanes.reading.kinds.fields import ClosedKind
from lanes.reading.manifests import Manifests, Resource

Spec = dict[str, Any]
Lane = tuple[Resource, kinds.ASMSwimLane]
_ANY_HOST = ["*"]
_MODELS: Mapping[str, tuple[type[ClosedKind], str]] = {
    "VirtualService": (kinds.VirtualService, "networking.istio.io/v1"),
    "DestinationRule": (kinds.DestinationRule, "networking.istio.io/v1"),
    "ASMHeaderPropagation": (kinds.ASMHeaderPropagation, "istio.alibabacloud.com/v1beta1"),
}


@dataclass(frozen=True)
class _Group:
    """A group with its lanes, in the order of the manifests."""

    resource: Resource
    body: kinds.ASMSwimLaneGroup
    lanes: tuple[Lane, ...]

    @property
    def header(self) -> str:
        """The header that names the lane in permissive mode."""
        return self.body.spec.permissive_mode_configuration.route_header

    def fallback(self, service: GroupService) -> str:
        """Return the lane that answers at a Service for lanes without it; "": none."""
        mode = self.body.spec.permissive_mode_configuration
        of_service = mode.service_level_fallback_target.get(f"{service.namespace}/{service.name}")
        return (of_service or mode.fallback_target) if self.body.spec.is_permissive else ""

    def version(self, lane: str) -> str:
        """Return the version of a lane's pods by their labels, else the lane's name."""
        labels = next(body.spec.label_selector for one, body in self.lanes if one.name == lane)
        return next(filter(None, map(labels.get, VERSION_LABELS)), lane)

    def service(self, host: str) -> GroupService | None:
        """Return the group's Service that a destination names; None: it has no such Service."""
        services = self.body.spec.services
        return next((one for one in services if host in (one.name, _fqdn(one))), None)


def with_lane_groups(manifests: Manifests) -> Manifests:
    """Return `manifests` with the routing of lane groups, and with warnings of what it assumes."""
    lanes = list(manifests.of(kinds.ASMSwimLane))
    groups = [
        _Group(resource, body, tuple(one for one in lanes if one[1].group == resource.name))
        for resource, body in manifests.of(kinds.ASMSwimLaneGroup)
    ]
    names = {group.resource.name for group in groups}
    no_group = "names no ASMSwimLaneGroup here: the lane is left out"
    warnings = [
        resource.finding("lane-group", "metadata.labels[swimlane-group]", no_group)
        for resource, lane in lanes
        if lane.group not in names
    ]
    resources: list[Resource] = []
    for group in groups:
        resources += _resources(group)
        warnings += _findings(group, manifests)
    warnings += (
        _label_finding(resource, label)
        for resource, body in manifests.of(kinds.TrafficLabel)
        for rule in body.spec.rules
        for label in rule.labels
    )
    return replace(
        manifests,
        resources=(*manifests.resources, *resources),
        warnings=(*manifests.warnings, *warnings),
    )


def _label_finding(resource: Resource, label: Label) -> Finding:
    """Return the warning that says how a traffic label is planned."""
    sources = ", else ".join(label.value_from)
    message = (
        f"sidecars set the header {label.name} from {sources}: planned as if each service"
        " propagated the header; a value from anywhere else is not planned"
    )
    return resource.finding("traffic-label", "spec.rules", message)


def _resources(group: _Group) -> Iterator[Resource]:
    """Yield the resources that a group stands for."""
    spec = group.body.spec
    subsets = [
        {"name": resource.name, "labels": lane.spec.label_selector}
        for resource, lane in group.lanes
    ]
    for number, service in enumerate(spec.services):
        field, host = f"spec.services[{number}]", _fqdn(service)
        rule = {"host": host, "subsets": subsets}
        yield _resource(group, "DestinationRule", service, rule, field)
        if rules := list(_rules(group, service)):
            routing = {"hosts": [host], "http": rules}
            yield _resource(group, "VirtualService", service, routing, field)
    gateway = spec.ingress.gateway
    if gateway and gateway.type == "ASM":
        at = GroupService(name=gateway.name, namespace=gateway.namespace)
        for hosts, rules in _ingress_rules(group).items():
            routing = {
                "hosts": list(hosts),
                "gateways": [f"{gateway.namespace}/{gateway.name}"],
                "http": rules,
            }
            yield _resource(group, "VirtualService", at, routing, "spec.ingress", "-".join(hosts))
    if spec.is_permissive and _carrier(group) == "baggage":
        for namespace in dict.fromkeys(one.namespace for one in spec.services):
            at = GroupService(name=group.resource.name, namespace=namespace)
            yield _resource(group, "ASMHeaderPropagation", at, {"headers": [group.header]}, "spec")


def _carrier(group: _Group) -> str:
    """Return the header, in lower case, by which sidecars find the lane of a call."""
    return group.body.spec.permissive_mode_configuration.trace_header.lower()


def _resource(
    group: _Group, kind: str, service: GroupService, spec: Spec, field: str, suffix: str = ""
) -> Resource:
    """Return a resource made from `field` of a group, without what the group lacks there."""
    model, version = _MODELS[kind]
    name = "-".join(filter(None, (group.resource.name, service.name, suffix)))
    metadata = {"name": name, "namespace": service.namespace}
    document = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
    left_out = tuple(one for one in group.resource.left_out if _concerns(one, field))
    shown = f"{service.name} of ASMSwimLaneGroup {group.resource.name}"
    body = model.model_validate(document)
    return Resource(group.resource.source, kind, shown, body, left_out=left_out)


def _concerns(left_out: str, field: str) -> bool:
    """Tell whether a field left out of a group concerns the part `field`, or the whole group."""
    return left_out.startswith(field) or not left_out.startswith(("spec.services", "spec.ingress"))


def _rules(group: _Group, service: GroupService) -> Iterator[Spec]:
    """Yield the rules for calls to a Service: each lane's, and in permissive mode the baseline's.

    In strict mode the labels of the calling pod choose the lane.
    """
    permissive, fallback = group.body.spec.is_permissive, group.fallback(service)
    to_fallback = _destination(_fqdn(service), fallback, "")
    for resource, lane in group.lanes:
        match: Spec = {"sourceLabels": lane.spec.label_selector}
        if permissive:
            match = {"headers": {group.header: {"exact": resource.name}}}
        to_lane = _destination(_fqdn(service), resource.name, fallback)
        falls_back = fallback and not _has(lane, service)
        yield {"match": [match], "route": [to_fallback if falls_back else to_lane]}
    if fallback:
        yield {"route": [to_fallback]}


def _has(lane: kinds.ASMSwimLane, service: GroupService) -> bool:
    """Tell whether a lane has a Service. A lane that names none has those with its pods."""
    named = {(one.name, one.namespace) for one in lane.spec.services}
    return not named or (service.name, service.namespace) in named


def _destination(host: str, lane: str, fallback: str, port: int | None = None) -> Spec:
    target: Spec = {"host": host} | ({"port": {"number": port}} if port else {})
    destination: Spec = {"destination": target | {"subset": lane}}
    if fallback not in ("", lane):
        destination["fallback"] = {"target": target | {"subset": fallback}}
    return destination


def _ingress_rules(group: _Group) -> dict[tuple[str, ...], list[Spec]]:
    """Return the rules at the gateway, by their hosts."""
    routing = group.body.spec.ingress.ingress_routing
    if routing.ingress_routing_strategy == "weighted":
        weighted = routing.weighted_routing_rule
        hosts = tuple(weighted.hosts or _ANY_HOST)
        return {hosts: list(_weighted(group, weighted.request_matches))}
    rules: dict[tuple[str, ...], list[Spec]] = {}
    for resource, lane in group.lanes:
        for rule in lane.spec.ingress_rules:
            if rule.online:
                to = _from_gateway(group, resource.name, rule.route.destination)
                spec = {"match": [_match(rule.match)], "route": [to]}
                rules.setdefault(tuple(rule.hosts or _ANY_HOST), []).append(spec)
    return rules


def _weighted(group: _Group, matches: Sequence[LaneMatch]) -> Iterator[Spec]:
    """Yield a rule for each lane by its header, and the split of all other requests."""
    specs = [_match(match) for match in matches] or [{}]
    ingress = [(resource.name, lane.spec.ingress_weight) for resource, lane in group.lanes]
    legs = [
        (name, _from_gateway(group, name, one.destination), one.weight)
        for name, one in ingress
        if one.destination.host
    ]
    if group.body.spec.is_permissive:
        for name, leg, _ in legs:
            header = {group.header: {"exact": name}}
            match = [{**spec, "headers": {**spec.get("headers", {}), **header}} for spec in specs]
            yield {"match": match, "route": [leg]}
    if any(weight for _, _, weight in legs):
        split = [{**leg, "weight": weight} for _, leg, weight in legs]
        yield ({"match": specs} if matches else {}) | {"route": split}


def _from_gateway(group: _Group, lane: str, destination: LaneDestination) -> Spec:
    """Return the gateway's destination for a lane, for which the gateway sets the route header.

    No header names the lane in strict mode; the plan shows it as a baggage member with the version
    of the lane's pods.
    """
    service = group.service(destination.host)
    host = _fqdn(service) if service else destination.host
    fallback = group.fallback(service) if service else ""
    header = {group.header: lane}
    if not group.body.spec.is_permissive:
        header = {"baggage": f"version={group.version(lane)}"}
    spec = _destination(host, lane, fallback, destination.port_num)
    return spec | {"headers": {"request": {"set": header}}}


def _match(match: LaneMatch) -> Spec:
    return match.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


def _fqdn(service: GroupService) -> str:
    return Host(service.name, service.namespace).fqdn


def _findings(group: _Group, manifests: Manifests) -> Iterator[Finding]:
    """Yield warnings of what the plan assumes about a group, and of what has no effect in it."""
    spec, mode = group.body.spec, group.body.spec.permissive_mode_configuration

    def finding(field: str, message: str) -> Finding:
        return group.resource.finding("lane-group", field, message)

    if not group.lanes:
        yield finding("metadata.name", "no ASMSwimLane here names this group by its label")
    if spec.ingress.gateway and spec.ingress.gateway.type == "ingress":
        message = "what an Ingress does with lanes is not published"
        yield finding("spec.ingress.gateway.type", message)
    if not spec.is_permissive:
        message = (
            "what calls from pods of no lane get is not published: planned as without the group"
        )
        yield finding("spec.isPermissive", message)
    if spec.is_permissive:
        names = {resource.name for resource, _ in group.lanes}
        where = "spec.permissiveModeConfiguration"
        if mode.fallback_target not in names:
            message = f'"{mode.fallback_target}" is no lane of the group: nothing falls back'
            yield finding(f"{where}.fallbackTarget", message)
        message = (
            f"planned as if the gateway set {group.header} for each lane, and calls without the"
            " header went to the baseline: neither is published"
        )
        yield finding(f"{where}.routeHeader", message)
        if _carrier(group) not in ("baggage", group.header.lower()):
            header = mode.trace_header or "a trace header"
            message = (
                f"sidecars find the lane of a call by {header}: planned as if each service"
                f" propagated {header}"
            )
            yield finding(f"{where}.traceHeader", message)
    pods = [body.spec.template.metadata.labels for _, body in manifests.of(kinds.Workload)]
    for resource, lane in group.lanes if pods else ():
        selector = lane.spec.label_selector.items()
        if not any(selector <= labels.items() for labels in pods):
            yield resource.finding("lane-group", "spec.labelSelector", "selects no pods here")
