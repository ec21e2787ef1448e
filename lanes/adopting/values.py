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
    else:
        values["defaults"] = {"sample": False, "serviceAccount": {"create": False}}
    apart = len(inventory.namespaces) > 1
    named = [one.host.namespace for one in inventory.services if one.resource.namespaced]
    if named and not apart:
        values["defaults"] = {"namespace": named[0], **values.get("defaults", {})}
    values["services"] = {
        one.name: _service(one, inventory, apart=apart, routing_only=routing_only)
        for one in inventory.services
    }
    values["gateway"] = {"services": {inventory.entries[0]: {}}}
    if provider == "gateway-api":
        values["gateway"]["parentRefs"] = [GATEWAY]
    if not routing_only:
        values["networkPolicy"] = {"enabled": False}
    return values


def _service(service: Service, inventory: Inventory, *, apart: bool, routing_only: bool) -> Values:
    values: Values = {"versions": {lane: {} for lane in service.versions}}
    if service.upstreams:
        values["upstreams"] = list(service.upstreams)
    if apart:
        values["namespace"] = service.host.namespace
    base, *others = service.versions.items()
    values["port"] = service.port.port
    target = container_port(service, base[1])
    if target != service.port.port:
        values["targetPort"] = target
    if service.protocol and service.protocol != "http":
        values["appProtocol"] = _APP_PROTOCOLS.get(service.protocol, service.protocol)
    if routing_only:
        return values
    own = workload_values(service, base[1], inventory.label)
    for lane, workload in others:
        changed = difference(own, workload_values(service, workload, inventory.label))
        values["versions"][lane] = {k: v for k, v in changed.items() if k != "serviceAccount"}
    if piece := service_values(service):
        values["service"] = piece
    return values | own
