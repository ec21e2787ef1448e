"""Converts an inventory to values of the chart."""

from typing import Any

from lanes.adopting.inventory import Inventory, Service
from lanes.adopting.workload_values import (
    container_port,
    difference,
    service_values,
    workload_values,
)

Values = dict[str, Any]
# Kubernetes' names of protocols, where Istio has another name.
_APP_PROTOCOLS = {"h2c": "kubernetes.io/h2c"}
# A placeholder for the team's Gateway.
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
    """Return the values that all services share."""
    defaults: Values = {}
    namespaces = [one.host.namespace for one in inventory.services if one.resource.namespaced]
    if namespaces and len(inventory.namespaces) == 1:
        defaults["namespace"] = namespaces[0]
    if not routing_only:
        return defaults | {"sample": False, "serviceAccount": {"create": False}}
    label = _name_label(inventory)
    return defaults | ({"selector": {label: ""}} if label not in ("", "app") else {})


def _name_label(inventory: Inventory) -> str:
    """Return the one label that each Service selects by its own name; "" for none."""
    labels = {label for one in inventory.services for label in _selector(one, inventory.label)}
    label = labels.pop() if len(labels) == 1 else ""
    by_name = all(one.spec.selector.get(label) == one.name for one in inventory.services)
    return label if by_name else ""


def _selector(service: Service, version_label: str) -> dict[str, str]:
    """Return the labels that a Service selects, without the version's."""
    return {key: value for key, value in service.spec.selector.items() if key != version_label}


def _routed(service: Service, inventory: Inventory, own_by: str) -> Values:
    """Return the values that routes to a service need.

    `own_by`: the mesh, if the pods stay the team's own; "" if the chart runs them.
    """
    values: Values = {"versions": {lane: {} for lane in service.versions}}
    if service.upstreams:
        values["upstreams"] = list(service.upstreams)
    if len(inventory.namespaces) > 1:
        values["namespace"] = service.host.namespace
    number = service.port.port
    values["port"] = number
    target = service.port.target_port or number
    # The chart's Services of versions lead to "http", which the team's containers may not have.
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
    """Return the values that the chart needs to make a service's Deployments and its Service."""
    (baseline, base), *others = service.versions.items()
    values = workload_values(service, base, label)
    changes = {
        lane: difference(values, workload_values(service, workload, label))
        for lane, workload in others
    }
    if fields := service_values(service, base):
        values["service"] = fields
    if others:
        values["versions"] = {baseline: {}} | {
            lane: {key: value for key, value in change.items() if key != "serviceAccount"}
            for lane, change in changes.items()
        }
    return values
