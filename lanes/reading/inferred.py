"""Services and pods that manifests leave out, inferred from the routing that refers to them.

Manifests without a workload are routing for what a cluster runs already. Each subset then stands
for a pod with its labels. Manifests without a Service have one for each host that something routes
to, with the ports that routes name.
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
    """Return `manifests` with the routing of lane groups, and with inferred Services and pods."""
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
    """Yield a pod for each subset of a Service, or one for a Service without subsets.

    A Service gets no pod of its own if another Service selects a part of what it selects.
    """
    subsets = dict(_subsets(manifests))
    services = [one for one in manifests.of(kinds.Service) if one[1].spec.selector]
    selectors = [(body.host.namespace, body.spec.selector.items()) for _, body in services]
    ports = [port for _, body in services for port in body.spec.ports]
    named = {port.target_port: port.port for port in ports if isinstance(port.target_port, str)}
    pods: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for source, service in services:
        host, selector = service.host, service.spec.selector
        is_wider = any(
            host.namespace == namespace and selector.items() < narrower
            for namespace, narrower in selectors
        )
        for subset, labels in subsets.get(host, {} if is_wider else {"": {}}).items():
            pod = _pod(service, subset, labels, named)
            identity = host.namespace, frozenset(pod.metadata.labels.items())
            if identity not in pods:
                pods.add(identity)
                yield _resource(source, "Pod", pod.metadata.name, pod)


def _services(manifests: Manifests) -> Iterator[Resource]:
    """Yield a Service for each host that something routes to, with the ports that routes name."""
    sources: dict[Host, Resource] = {}
    ports: dict[Host, set[int]] = {}
    for resource, name, namespace, port in _references(manifests):
        host = host_in_manifest(name, namespace)
        if host is not None:
            sources[host] = resource
            ports.setdefault(host, set()).update({port} if port is not None else ())
    for host, source in sources.items():
        numbers = sorted(ports[host] or {_HTTP})
        yield _resource(source, "Service", host.name, _service(host, numbers))


def _resource(source: Resource, kind: str, name: str, body: kinds.Service | kinds.Pod) -> Resource:
    return Resource(source.source, kind, name, body, source.namespaced)


def _service(host: Host, ports: list[int]) -> kinds.Service:
    spec = {"selector": {"host": host.fqdn}, "ports": [{"port": port} for port in ports]}
    return kinds.Service.model_validate({"metadata": _metadata(host.name, host), "spec": spec})


def _pod(
    service: kinds.Service, subset: str, labels: dict[str, str], named: Mapping[str, int]
) -> kinds.Pod:
    """Return the pod of a subset with these labels; `named` as in `_container_ports`."""
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
    """Return a port for each numeric target of a Service, and the `named` targets of all Services.

    A named target has the number of the Service's port.
    """
    targets = (port.target_port or port.port for port in service.spec.ports)
    ports: list[dict[str, object]] = [{"containerPort": t} for t in targets if isinstance(t, int)]
    return [*ports, *({"containerPort": port, "name": name} for name, port in named.items())]


def _metadata(name: str, host: Host) -> dict[str, object]:
    return {"name": name, "namespace": host.namespace}


def _references(manifests: Manifests) -> Iterator[tuple[Resource, str, str, int | None]]:
    """Yield each host's name in a resource that routes, with the resource's namespace and the port.

    The port is None where the resource names none.
    """
    for resource, rule in manifests.of(kinds.DestinationRule):
        yield resource, rule.spec.host, rule.metadata.namespace, None
    for resource, service in manifests.of(kinds.VirtualService):
        for target in _targets(service):
            port = target.port.number if target.port else None
            yield resource, target.host, service.metadata.namespace, port
    for resource, route in manifests.of(kinds.HTTPRoute):
        namespace = route.metadata.namespace
        for parent in route.spec.parent_refs:
            if parent.of_mesh:
                yield resource, parent.name, parent.namespace or namespace, parent.port
        for each in route.spec.rules:
            for backend in each.backend_refs:
                yield resource, backend.name, backend.namespace or namespace, backend.port


def _targets(service: kinds.VirtualService) -> Iterator[kinds.Target]:
    for http in service.spec.http:
        for destination in http.route:
            yield destination.destination
            if destination.fallback:
                yield destination.fallback.target


def _subsets(manifests: Manifests) -> Iterator[tuple[Host, dict[str, dict[str, str]]]]:
    """Yield each Service with subsets, and each subset's labels: its own and those it prefers."""
    for _, rule in manifests.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, rule.metadata.namespace)
        if host is not None and rule.spec.subsets:
            yield host, {s.name: {**s.labels, **_preferred(s, rule)} for s in rule.spec.subsets}


def _preferred(subset: kinds.Subset, rule: kinds.DestinationRule) -> dict[str, str]:
    """Return the labels of `failoverPriority`: the subset's, else the rule's."""
    for policy in (subset.traffic_policy, rule.spec.traffic_policy):
        if policy and policy.load_balancer:
            labels = policy.load_balancer.locality_lb_setting.failover_priority
            return dict(label.split("=", 1) for label in labels if "=" in label)
    return {}
