"""Lane groups of ASM: the routing that the mesh makes of them, as its documentation says.

A group becomes a VirtualService and a DestinationRule for each of its Services, one VirtualService
at its gateway, and an ASMHeaderPropagation where baggage carries the lane. What is not published is
planned as a warning says.

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


@dataclass(frozen=True)
class _Group:
    """A group with its lanes, in the order of their resources."""

    resource: Resource
    body: kinds.ASMSwimLaneGroup
    lanes: tuple[Lane, ...]

    @property
    def header(self) -> str:
        return self.body.spec.permissive_mode_configuration.route_header

    def fallback(self, service: GroupService) -> str:
        """The lane that others fall back to at a Service; "": none."""
        mode = self.body.spec.permissive_mode_configuration
        own = mode.service_level_fallback_target.get(f"{service.namespace}/{service.name}", "")
        return (own or mode.fallback_target) if self.body.spec.is_permissive else ""

    def version(self, lane: str) -> str:
        """The version of a lane's pods by its labels, else its name."""
        labels = next(body.spec.label_selector for one, body in self.lanes if one.name == lane)
        return next(filter(None, map(labels.get, VERSION_LABELS)), lane)

    def service(self, host: str) -> GroupService | None:
        """The Service of the group that a destination names."""
        services = self.body.spec.services
        return next((one for one in services if host in (one.name, _fqdn(one))), None)


def with_lane_groups(manifests: Manifests) -> Manifests:
    """Return `manifests` with the routing that lane groups stand for, and what is unknown of it."""
    lanes = list(manifests.of(kinds.ASMSwimLane))
    groups = [
        _Group(resource, body, tuple(one for one in lanes if one[1].group == resource.name))
        for resource, body in manifests.of(kinds.ASMSwimLaneGroup)
    ]
    labels = list(manifests.of(kinds.TrafficLabel))
    names = {group.resource.name for group in groups}
    warnings = [
        resource.finding("lane-group", "metadata.labels[swimlane-group]", _NO_GROUP)
        for resource, lane in lanes
        if lane.group not in names
    ]
    made: list[Resource] = []
    for group in groups:
        made += _made(group)
        warnings += _unknown(group, manifests)
    warnings += (
        _labeled(resource, label)
        for resource, body in labels
        for rule in body.spec.rules
        for label in rule.labels
    )
    return replace(
        manifests,
        resources=(*manifests.resources, *made),
        warnings=(*manifests.warnings, *warnings),
    )


_NO_GROUP = "names no ASMSwimLaneGroup here: the lane is left out"


def _labeled(resource: Resource, label: Label) -> Finding:
    """Say what is planned of a traffic label."""
    sources = ", else ".join(label.value_from)
    message = (
        f"sidecars set the header {label.name} from {sources}: planned as if each service handed"
        " the header on; a value from anywhere else is not planned"
    )
    return resource.finding("traffic-label", "spec.rules", message)


def _made(group: _Group) -> Iterator[Resource]:
    """Yield the resources that a group stands for."""
    spec = group.body.spec
    for number, service in enumerate(spec.services):
        field = f"spec.services[{number}]"
        subsets = [
            {"name": resource.name, "labels": lane.spec.label_selector}
            for resource, lane in group.lanes
        ]
        host = _fqdn(service)
        rule = {"host": host, "subsets": subsets}
        yield _resource(group, "DestinationRule", service, rule, field)
        rules = list(_rules(group, service))
        if rules:
            yield _resource(
                group, "VirtualService", service, {"hosts": [host], "http": rules}, field
            )
    gateway = spec.ingress.gateway
    if gateway and gateway.type == "ASM":
        at = GroupService(name=gateway.name, namespace=gateway.namespace)
        for hosts, rules in _entries(group).items():
            entry = {
                "hosts": list(hosts),
                "gateways": [f"{gateway.namespace}/{gateway.name}"],
                "http": rules,
            }
            yield _resource(group, "VirtualService", at, entry, "spec.ingress", "-".join(hosts))
    if _carried_by_baggage(group):
        for namespace in dict.fromkeys(one.namespace for one in spec.services):
            at = GroupService(name=group.resource.name, namespace=namespace)
            yield _resource(group, "ASMHeaderPropagation", at, {"headers": [group.header]}, "spec")


def _carried_by_baggage(group: _Group) -> bool:
    mode = group.body.spec.permissive_mode_configuration
    return group.body.spec.is_permissive and mode.trace_header.lower() == "baggage"


def _resource(
    group: _Group, kind: str, service: GroupService, spec: Spec, field: str, of: str = ""
) -> Resource:
    """A resource that a group stands for; what it lacks of `field` the group lacks."""
    model, version = _MODELS[kind]
    name = "-".join(filter(None, (group.resource.name, service.name, of)))
    metadata = {"name": name, "namespace": service.namespace}
    document = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
    lacking = tuple(one for one in group.resource.left_out if _concerns(one, field))
    shown = f"{service.name} of ASMSwimLaneGroup {group.resource.name}"
    body = model.model_validate(document)
    return Resource(group.resource.source, kind, shown, body, left_out=lacking)


_MODELS: Mapping[str, tuple[type[ClosedKind], str]] = {
    "VirtualService": (kinds.VirtualService, "networking.istio.io/v1"),
    "DestinationRule": (kinds.DestinationRule, "networking.istio.io/v1"),
    "ASMHeaderPropagation": (kinds.ASMHeaderPropagation, "istio.alibabacloud.com/v1beta1"),
}


def _concerns(lacking: str, field: str) -> bool:
    """Tell whether what a group lacks is about one of its parts: a Service's own is about it."""
    return lacking.startswith(field) or not lacking.startswith(("spec.services", "spec.ingress"))


def _rules(group: _Group, service: GroupService) -> Iterator[Spec]:
    """Yield the rules for calls to a Service: of each lane, and in permissive mode the baseline's.

    In strict mode the labels of the calling pod tell the lane.
    """
    permissive, fallback = group.body.spec.is_permissive, group.fallback(service)
    for resource, lane in group.lanes:
        match: Spec = {"sourceLabels": lane.spec.label_selector}
        if permissive:
            match = {"headers": {group.header: {"exact": resource.name}}}
        to = _destination(_fqdn(service), resource.name, fallback)
        if permissive and fallback and not _has(lane, service):
            to = _destination(_fqdn(service), fallback, "")
        yield {"match": [match], "route": [to]}
    if permissive and fallback:
        yield {"route": [_destination(_fqdn(service), fallback, "")]}


def _has(lane: kinds.ASMSwimLane, service: GroupService) -> bool:
    """Tell whether a lane has a Service; one that names none has those with its pods."""
    named = {(one.name, one.namespace) for one in lane.spec.services}
    return not named or (service.name, service.namespace) in named


def _destination(host: str, lane: str, fallback: str, port: int | None = None) -> Spec:
    at: Spec = {"host": host} | ({"port": {"number": port}} if port else {})
    found: Spec = {"destination": at | {"subset": lane}}
    if fallback not in ("", lane):
        found["fallback"] = {"target": at | {"subset": fallback}}
    return found


def _entries(group: _Group) -> dict[tuple[str, ...], list[Spec]]:
    """Return the rules at the gateway, by the hosts that they are for."""
    routing = group.body.spec.ingress.ingress_routing
    if routing.ingress_routing_strategy == "weighted":
        weighted = routing.weighted_routing_rule
        return {
            tuple(weighted.hosts or _ANY_HOST): list(_weighted(group, weighted.request_matches))
        }
    found: dict[tuple[str, ...], list[Spec]] = {}
    for resource, lane in group.lanes:
        for rule in lane.spec.ingress_rules:
            if rule.online:
                leg = _leg(group, resource.name, rule.route.destination)
                entry = {"match": [_asked(rule.match)], "route": [leg]}
                found.setdefault(tuple(rule.hosts or _ANY_HOST), []).append(entry)
    return found


def _weighted(group: _Group, matches: Sequence[LaneMatch]) -> Iterator[Spec]:
    """Yield a rule for each lane by its header, and the split of all other requests."""
    asked = [_asked(match) for match in matches] or [{}]
    legs = [
        (resource.name, lane.spec.ingress_weight.weight, lane.spec.ingress_weight.destination)
        for resource, lane in group.lanes
        if lane.spec.ingress_weight.destination.host
    ]
    if group.body.spec.is_permissive:
        for name, _, destination in legs:
            named = {group.header: {"exact": name}}
            match = [{**one, "headers": {**one.get("headers", {}), **named}} for one in asked]
            yield {"match": match, "route": [_leg(group, name, destination)]}
    if any(weight for _, weight, _ in legs):
        split = [{**_leg(group, name, to), "weight": weight} for name, weight, to in legs]
        yield ({"match": asked} if matches else {}) | {"route": split}


def _leg(group: _Group, lane: str, destination: LaneDestination) -> Spec:
    """A destination of the gateway's for a lane, which it sets the route header for.

    In strict mode nobody asks for a header: a member of baggage names the lane in the plan, by the
    version of its pods.
    """
    service = group.service(destination.host)
    host = _fqdn(service) if service else destination.host
    fallback = group.fallback(service) if service else ""
    found = _destination(host, lane, fallback, destination.port_num)
    named = {group.header: lane}
    if not group.body.spec.is_permissive:
        named = {"baggage": f"version={group.version(lane)}"}
    found["headers"] = {"request": {"set": named}}
    return found


def _asked(match: LaneMatch) -> Spec:
    return match.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


def _fqdn(service: GroupService) -> str:
    return Host(service.name, service.namespace).fqdn


def _unknown(group: _Group, manifests: Manifests) -> Iterator[Finding]:
    """Yield what is not published of a group, and what in it has no effect."""
    spec, mode = group.body.spec, group.body.spec.permissive_mode_configuration

    def found(field: str, message: str) -> Finding:
        return group.resource.finding("lane-group", field, message)

    if not group.lanes:
        yield found("metadata.name", "no ASMSwimLane here names this group by its label")
    names = {resource.name for resource, _ in group.lanes}
    if spec.is_permissive and mode.fallback_target not in names:
        where = "spec.permissiveModeConfiguration.fallbackTarget"
        yield found(where, f'"{mode.fallback_target}" is no lane of the group: nothing falls back')
    if spec.ingress.gateway and spec.ingress.gateway.type == "ingress":
        yield found("spec.ingress.gateway.type", "what an Ingress does with lanes is not published")
    if spec.is_permissive:
        yield found(
            "spec.permissiveModeConfiguration.routeHeader",
            f"planned as if the gateway set {group.header} for each lane, and calls without the"
            " header went to the baseline: neither is published",
        )
    else:
        yield found(
            "spec.isPermissive",
            "what calls from pods of no lane get is not published: planned as without the group",
        )
    if spec.is_permissive and mode.trace_header.lower() not in ("baggage", group.header.lower()):
        header = mode.trace_header or "a trace header"
        yield found(
            "spec.permissiveModeConfiguration.traceHeader",
            f"sidecars find the lane of a call by {header}: planned as if each service handed"
            f" {header} on",
        )
    pods = [body.spec.template.metadata.labels for _, body in manifests.of(kinds.Workload)]
    for resource, lane in group.lanes if pods else ():
        wanted = lane.spec.label_selector.items()
        if not any(wanted <= labels.items() for labels in pods):
            yield resource.finding("lane-group", "spec.labelSelector", "selects no pods here")
