"""Routing alone: Services and pods that stand elsewhere, taken from what routes to them.

Manifests that hold no workload are routing for what is in a cluster already. Each subset then
stands for pods with its labels. Where they hold no Service either, each port that a route names
stands for a Service's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lanes.mesh.diagnostics import Finding
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import VERSION_LABELS, Host
from lanes.reading import kinds
from lanes.reading.lane_groups import with_lane_groups
from lanes.reading.manifests import Manifests, Resource

_HTTP = 80
_WORKLOADS = (kinds.Workload, kinds.Rollout, kinds.Pod)


def completed(manifests: Manifests) -> Manifests:
    """`manifests` with what lane groups stand for, and with what they leave to elsewhere."""
    manifests = with_lane_groups(manifests)
    if any(isinstance(resource.body, _WORKLOADS) for resource in manifests.resources):
        return manifests
    services = [] if any(manifests.of(kinds.Service)) else list(_services(manifests))
    complete = replace(manifests, resources=(*manifests.resources, *services))
    pods = list(_pods(complete))
    if not pods:
        return manifests
    names = ", ".join(sorted({body.host.name for _, body in complete.of(kinds.Service)}))
    message = f"no pods here: planned as if each subset had one, at {names}"
    return replace(
        complete,
        resources=(*complete.resources, *pods),
        warnings=(*manifests.warnings, Finding("no-workloads", "", "", "", message)),
    )


def _pods(manifests: Manifests) -> Iterator[Resource]:
    """Yield a pod for each subset of a Service, or for the Service where it has none.

    Of two Services of which one selects all that the other does, the other's pods are both's.
    """
    subsets = dict(_subsets(manifests))
    services = [one for one in manifests.of(kinds.Service) if one[1].spec.selector]
    selectors = [(body.host.namespace, body.spec.selector.items()) for _, body in services]
    ports = [port for _, body in services for port in body.spec.ports]
    named = {port.target_port: port.port for port in ports if isinstance(port.target_port, str)}
    found: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for source, service in services:
        host, selector = service.host, service.spec.selector
        wide = any(host.namespace == of and selector.items() < other for of, other in selectors)
        for subset, labels in subsets.get(host, {} if wide else {"": {}}).items():
            pod = _pod(service, subset, labels, named)
            own = host.namespace, frozenset(pod.metadata.labels.items())
            if own not in found:
                found.add(own)
                yield _resource(source, "Pod", pod.metadata.name, pod)


def _services(manifests: Manifests) -> Iterator[Resource]:
    """Yield a Service for each host that something routes to, with the ports that are named."""
    ports: dict[Host, set[int]] = {}
    for host, port in _ports(manifests):
        ports.setdefault(host, set()).add(port)
    for host, source in dict(_hosts(manifests)).items():
        numbers = sorted(ports.get(host, {_HTTP}))
        yield _resource(source, "Service", host.name, _service(host, numbers))


def _resource(source: Resource, kind: str, name: str, body: kinds.Service | kinds.Pod) -> Resource:
    return Resource(source.source, kind, name, body, source.namespaced)


def _service(host: Host, ports: list[int]) -> kinds.Service:
    spec = {"selector": {"host": host.fqdn}, "ports": [{"port": port} for port in ports]}
    return kinds.Service.model_validate({"metadata": _metadata(host.name, host), "spec": spec})


def _pod(
    service: kinds.Service, subset: str, labels: dict[str, str], named: Mapping[str, int]
) -> kinds.Pod:
    host, spec = service.host, service.spec
    variables = {"app": host.name}
    if not any(label in labels for label in VERSION_LABELS):
        variables["version"] = subset
    container = {
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "ports": _container_ports(service, named),
    }
    name = f"{host.name}-{subset}" if subset else host.name
    metadata = {**_metadata(name, host), "labels": {**labels, **spec.selector}}
    return kinds.Pod.model_validate({"metadata": metadata, "spec": {"containers": [container]}})


def _container_ports(service: kinds.Service, named: Mapping[str, int]) -> list[dict[str, object]]:
    """The ports that a Service names by number, and those that any Service names by name."""
    targets = (port.target_port or port.port for port in service.spec.ports)
    found: list[dict[str, object]] = [{"containerPort": t} for t in targets if isinstance(t, int)]
    return [*found, *({"containerPort": named[name], "name": name} for name in named)]


def _metadata(name: str, host: Host) -> dict[str, object]:
    return {"name": name, "namespace": host.namespace}


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
            for leg in http.route:
                for to in (leg.destination, *([leg.fallback.target] if leg.fallback else [])):
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
