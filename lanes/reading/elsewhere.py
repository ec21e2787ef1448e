"""Routing alone: Services and pods that stand elsewhere, taken from what routes to them.

Manifests that hold no workload and no Service are somebody's routing for what is in a cluster
already. Each subset then stands for pods with its labels, and each port that a route names for a
Service's.
"""

from collections.abc import Iterator
from dataclasses import replace

from lanes.mesh.diagnostics import Finding
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource

_HTTP = 80
_WORKLOADS = (kinds.Service, kinds.Workload, kinds.Rollout, kinds.Pod)


def completed(manifests: Manifests) -> Manifests:
    """`manifests` with what they leave to elsewhere; as they are where they leave nothing."""
    if any(isinstance(resource.body, _WORKLOADS) for resource in manifests.resources):
        return manifests
    hosts = dict(_hosts(manifests))
    if not hosts:
        return manifests
    ports: dict[Host, set[int]] = {}
    for host, port in _ports(manifests):
        ports.setdefault(host, set()).add(port)
    subsets = dict(_subsets(manifests))
    assumed: list[Resource] = []
    for host, source in hosts.items():
        numbers = sorted(ports.get(host, {_HTTP}))
        assumed.append(_resource(source, "Service", host.name, _service(host, numbers)))
        for subset, labels in subsets.get(host, {"": {}}).items():
            pod = _pod(host, subset, labels, numbers[0])
            assumed.append(_resource(source, "Pod", pod.metadata.name, pod))
    names = ", ".join(sorted(host.name for host in hosts))
    message = f"no pods here: planned as if each subset had one, at {names}"
    return replace(
        manifests,
        resources=(*manifests.resources, *assumed),
        warnings=(*manifests.warnings, Finding("no-workloads", "", "", "", message)),
    )


def _resource(source: Resource, kind: str, name: str, body: kinds.Service | kinds.Pod) -> Resource:
    return Resource(source.source, kind, name, body, source.namespaced)


def _service(host: Host, ports: list[int]) -> kinds.Service:
    spec = {"selector": _selector(host), "ports": [{"port": port} for port in ports]}
    return kinds.Service.model_validate({"metadata": _metadata(host.name, host), "spec": spec})


def _pod(host: Host, subset: str, labels: dict[str, str], port: int) -> kinds.Pod:
    own = {**labels, **_selector(host)}
    told = {"app": host.name}
    if not any(label in labels for label in ("version", "app.kubernetes.io/version")):
        told["version"] = subset
    container = {
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "ports": [{"containerPort": port}],
    }
    name = f"{host.name}-{subset}" if subset else host.name
    metadata = {**_metadata(name, host), "labels": own}
    return kinds.Pod.model_validate({"metadata": metadata, "spec": {"containers": [container]}})


def _metadata(name: str, host: Host) -> dict[str, object]:
    return {"name": name, "namespace": host.namespace}


def _selector(host: Host) -> dict[str, str]:
    return {"host": host.fqdn}


def _hosts(manifests: Manifests) -> Iterator[tuple[Host, Resource]]:
    """Every Service that something routes to, and what does."""
    for resource, name, namespace, _ in _named(manifests):
        host = host_in_manifest(name, namespace)
        if host is not None:
            yield host, resource


def _ports(manifests: Manifests) -> Iterator[tuple[Host, int]]:
    for _, name, namespace, port in _named(manifests):
        host = host_in_manifest(name, namespace)
        if host is not None and port is not None:
            yield host, port


def _named(manifests: Manifests) -> Iterator[tuple[Resource, str, str, int | None]]:
    """The names of Services, and the ports, in everything that routes."""
    for resource, rule in manifests.of(kinds.DestinationRule):
        yield resource, rule.spec.host, rule.metadata.namespace, None
    for resource, service in manifests.of(kinds.VirtualService):
        for http in service.spec.http:
            for way in http.route:
                for to in (way.destination, *([way.fallback.target] if way.fallback else [])):
                    port = to.port.number if to.port else None
                    yield resource, to.host, service.metadata.namespace, port
    for resource, route in manifests.of(kinds.HTTPRoute):
        namespace = route.metadata.namespace
        for parent in route.spec.parent_refs:
            if parent.of_mesh:
                yield resource, parent.name, parent.namespace or namespace, parent.port
        for each in route.spec.rules:
            for backend in each.backend_refs:
                yield resource, backend.name, backend.namespace or namespace, backend.port


def _subsets(manifests: Manifests) -> Iterator[tuple[Host, dict[str, dict[str, str]]]]:
    """The labels of the pods that each subset is for: its own, and those that it prefers."""
    for _, rule in manifests.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, rule.metadata.namespace)
        if host is not None and rule.spec.subsets:
            yield host, {s.name: {**s.labels, **_preferred(s, rule)} for s in rule.spec.subsets}


def _preferred(subset: kinds.Subset, rule: kinds.DestinationRule) -> dict[str, str]:
    for policy in (subset.traffic_policy, rule.spec.traffic_policy):
        if policy and policy.load_balancer:
            labels = policy.load_balancer.locality_lb_setting.failover_priority
            return dict(label.split("=", 1) for label in labels if "=" in label)
    return {}
