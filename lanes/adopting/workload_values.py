"""Converts a Deployment to values of the chart: image, env, container, pod and the rest."""

from collections.abc import Iterable, Mapping
from typing import Any

from lanes.adopting.inventory import Service, Workload

Values = dict[str, Any]

# Labels that the chart sets.
_LABELS = {
    "app",
    "version",
    "app.kubernetes.io/name",
    "app.kubernetes.io/version",
    "app.kubernetes.io/part-of",
}
# Fields of manifests that the chart sets, or that other values hold.
_NOT_OF_CONTAINERS = {"name", "image", "imagePullPolicy", "env"}
_NOT_OF_PODS = {"containers", "serviceAccountName", "serviceAccount", "restartPolicy"}
_NOT_OF_DEPLOYMENTS = {"replicas", "selector", "template"}
_NOT_OF_SERVICES = {"selector", "ports", "clusterIP", "clusterIPs"}
# Defaults that an API server adds, as `kubectl get` shows them.
_DEFAULTS: Values = {
    "dnsPolicy": "ClusterFirst",
    "externalTrafficPolicy": "Cluster",
    "internalTrafficPolicy": "Cluster",
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
    "progressDeadlineSeconds": 600,
    "protocol": "TCP",
    "revisionHistoryLimit": 10,
    "schedulerName": "default-scheduler",
    "sessionAffinity": "None",
    "strategy": {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    },
    "terminationGracePeriodSeconds": 30,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "type": "ClusterIP",
}
_MANAGED = ("kubectl.kubernetes.io/", "traffic-lanes/")


def workload_values(service: Service, workload: Workload, label: str) -> Values:
    """Return the values of a workload's Deployment. `label`: the pods' label with the version."""
    spec = workload.resource.data["spec"]
    template = spec["template"]
    containers = template["spec"]["containers"]
    main = containers[workload.container]
    number = container_port(service, workload)
    metadata = template.get("metadata") or {}
    account = template["spec"].get("serviceAccountName") or template["spec"].get("serviceAccount")
    pod = _without(template["spec"], _NOT_OF_PODS)
    if others := [one for one in containers if one is not main]:
        pod["containers"] = others
    found: Values = {
        "replicas": None if spec.get("replicas", 1) == 1 else spec["replicas"],
        "image": _image(main),
        "env": {one["name"]: _value(one) for one in main.get("env") or ()},
        "container": _container(main, number),
        "pod": pod,
        "podLabels": _own(metadata.get("labels"), {*_LABELS, label}),
        "podAnnotations": _own(metadata.get("annotations"), set()),
        "deployment": _without(spec, _NOT_OF_DEPLOYMENTS),
        "serviceAccount": {"name": account} if account else None,
    }
    return {key: value for key, value in found.items() if value}


def service_values(service: Service, workload: Workload) -> Values:
    """Return the values of a Service, without its main port's number."""
    data = service.resource.data
    spec = data["spec"]
    found = _without(spec, _NOT_OF_SERVICES)
    if annotations := _own(data["metadata"].get("annotations"), set()):
        found["annotations"] = annotations
    main = workload.resource.data["spec"]["template"]["spec"]["containers"][workload.container]
    names = _names(main.get("ports") or (), container_port(service, workload))
    ports = []
    for one in spec["ports"]:
        if not _is_main(service, one):
            named = {**one, "name": _unlike_http(one.get("name"), one["port"])}
            target = one.get("targetPort")
            ports.append(named | ({"targetPort": names[target]} if target in names else {}))
        elif "nodePort" in one:
            ports.append({"name": "http", "nodePort": one["nodePort"]})
    if ports:
        found["ports"] = ports
    return found


def container_port(service: Service, workload: Workload) -> int:
    """Return the container's port behind the Service's main port."""
    target = service.port.target_port or service.port.port
    if isinstance(target, int):
        return target
    named = (
        port.container_port
        for container in workload.template.spec.containers
        for port in container.ports
        if port.name == target
    )
    return next(named, service.port.port)


def difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> Values:
    """Return the values that Helm merges over `base` to get `other`; None removes a key."""
    changed: Values = {key: None for key in base if key not in other}
    for key, value in other.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            if inner := difference(below, value):
                changed[key] = inner
        elif value != below or key not in base:
            changed[key] = value
    return changed


def _is_main(service: Service, port: Values) -> bool:
    same: bool = port["port"] == service.port.port and port.get("name", "") == service.port.name
    return same


def _image(container: Values) -> Values:
    """Return the parts of a container's image reference."""
    name, _, digest = str(container.get("image", "")).partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    parts = {
        "repository": repository,
        "tag": tag,
        "digest": digest,
        "pullPolicy": container.get("imagePullPolicy"),
    }
    return {key: value for key, value in parts.items() if value}


def _value(variable: Values) -> object:
    if "valueFrom" in variable:
        return {"valueFrom": variable["valueFrom"]}
    return variable.get("value") or ""


def _container(container: Values, number: int) -> Values:
    """Return a container's fields. Its port `number` is named http, also in probes and hooks."""
    found = _without(container, _NOT_OF_CONTAINERS)
    ports = found.pop("ports", None) or ()
    names = _names(ports, number)
    kept = []
    for one in ports:
        if one["containerPort"] != number:
            name = _unlike_http(one.get("name"), one["containerPort"])
            kept.append({**one, "name": name})
        elif rest := _without(one, {"name", "containerPort"}):
            kept.append({"name": "http", "containerPort": number, **rest})
    if kept:
        found["ports"] = kept
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in found:
            found[probe] = _renamed(found[probe], names)
    if "lifecycle" in found:
        hooks = found["lifecycle"]
        found["lifecycle"] = {key: _renamed(hook, names) for key, hook in hooks.items()}
    return found


def _names(ports: Iterable[Values], number: int) -> dict[object, str]:
    """Return the chart's names of named ports: that of the main port, `number`, is http."""
    return {
        one["name"]: "http"
        if one["containerPort"] == number
        else _unlike_http(one["name"], one["containerPort"])
        for one in ports
        if one.get("name")
    }


def _unlike_http(name: str | None, number: int) -> str:
    """Return the name of a port that is not the main one."""
    return name if name and name != "http" else f"port-{number}"


def _renamed(probe: Values, names: Mapping[object, str]) -> Values:
    """Return a probe, or a hook, with the chart's names of ports."""
    return {
        key: {**inner, "port": names[inner["port"]]}
        if isinstance(inner, dict) and inner.get("port") in names
        else inner
        for key, inner in probe.items()
    }


def _own(values: Mapping[str, str] | None, others: set[str]) -> dict[str, str]:
    """Return the team's labels or annotations: neither managed nor among `others`."""
    return {
        key: value
        for key, value in (values or {}).items()
        if key not in others and not key.startswith(_MANAGED)
    }


def _without(fields: Mapping[str, Any], names: Iterable[str]) -> Values:
    """Return the fields without these names, without empty values, and without defaults."""
    left_out = set(names)
    return {
        key: value
        for key, value in fields.items()
        if key not in left_out and value not in (None, {}, []) and value != _DEFAULTS.get(key)
    }
