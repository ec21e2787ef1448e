"""An inventory as values for the chart."""

from typing import Any

from lanes.adopting.inventory import Inventory, Service
from lanes.adopting.workload_values import (
    container_port,
    difference,
    service_values,
    workload_values,
)

Values = dict[str, Any]
# What Kubernetes calls a protocol where Istio has another name for it, or none.
_APP_PROTOCOLS = {"h2c": "kubernetes.io/h2c"}
# Stands for a Gateway that the manifests do not name.
GATEWAY = {"name": "web", "namespace": "gateways"}


def chart_values(inventory: Inventory, provider: str, *, routing_only: bool) -> Values:
    """Return values that give each service of an inventory its lanes.

    With `routing_only`, the Services and Deployments stay the team's own.
    """
    weights = dict.fromkeys(inventory.lanes, 0) | {inventory.baseline: 100}
    lanes: Values = {"baseline": inventory.baseline, "weights": weights}
    if inventory.label != "version":
        lanes["label"] = inventory.label
    values: Values = {"mesh": {"provider": provider}, "lanes": lanes}
    if routing_only:
        values["workloads"] = {"enabled": False}
    values["defaults"] = _defaults(inventory, routing_only=routing_only)
    if not values["defaults"]:
        del values["defaults"]
    values["services"] = {
        one.name: _routed(one, inventory, provider if routing_only else "")
        | ({} if routing_only else _run(one, inventory.label))
        for one in inventory.services
    }
    values["gateway"] = {"services": {inventory.entries[0]: {}}}
    if provider == "gateway-api":
        values["gateway"]["parentRefs"] = [GATEWAY]
    if not routing_only:
        values["networkPolicy"] = {"enabled": False}
    return values


def _defaults(inventory: Inventory, *, routing_only: bool) -> Values:
    """Return what all services share."""
    found: Values = {}
    named = [one.host.namespace for one in inventory.services if one.resource.namespaced]
    if named and len(inventory.namespaces) == 1:
        found["namespace"] = named[0]
    if not routing_only:
        return found | {"sample": False, "serviceAccount": {"create": False}}
    label = _name_label(inventory)
    return found | ({"selector": {label: ""}} if label not in ("", "app") else {})


def _name_label(inventory: Inventory) -> str:
    """Return the label by whose value, its name, each Service finds its pods; "": none is so."""
    labels = {label for one in inventory.services for label in _selector(one, inventory.label)}
    label = labels.pop() if len(labels) == 1 else ""
    named = all(one.spec.selector.get(label) == one.name for one in inventory.services)
    return label if named else ""


def _selector(service: Service, version_label: str) -> dict[str, str]:
    """Return the labels by which a Service finds its pods, but for that of the version."""
    return {key: value for key, value in service.spec.selector.items() if key != version_label}


def _routed(service: Service, inventory: Inventory, own_by: str) -> Values:
    """Return what routes to a service need. `own_by`: the mesh, if its pods are the team's own."""
    values: Values = {"versions": {lane: {} for lane in service.versions}}
    if service.upstreams:
        values["upstreams"] = list(service.upstreams)
    if len(inventory.namespaces) > 1:
        values["namespace"] = service.host.namespace
    number = service.port.port
    values["port"] = number
    target = service.port.target_port or number
    # A port of the team's own containers is not named http, and Services of versions lead to it.
    if own_by == "gateway-api" and target != "http":
        values["targetPort"] = target
    else:
        target = container_port(service, service.versions[inventory.baseline])
        values |= {"targetPort": target} if target != number else {}
    if service.protocol and service.protocol != "http":
        values["appProtocol"] = _APP_PROTOCOLS.get(service.protocol, service.protocol)
    if own_by and not _name_label(inventory):
        values["selector"] = _selector(service, inventory.label)
    return values


def _run(service: Service, label: str) -> Values:
    """Return what the chart needs to run a service's pods, and to make its Service."""
    (_, base), *others = service.versions.items()
    values = workload_values(service, base, label)
    changed = {
        lane: difference(values, workload_values(service, workload, label))
        for lane, workload in others
    }
    if piece := service_values(service, base):
        values["service"] = piece
    if others:
        values["versions"] = {next(iter(service.versions)): {}} | {
            lane: {key: value for key, value in each.items() if key != "serviceAccount"}
            for lane, each in changed.items()
        }
    return values
