"""Endpoints that no Kubernetes workload runs: of ServiceEntries, and WorkloadEntries."""

from collections.abc import Iterator, Mapping

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Pod
from lanes.mesh.traffic import Propagation
from lanes.reading import kinds
from lanes.reading.manifests import NOT_RUN, Manifests, Resource


def machines_of(manifests: Manifests) -> Iterator[Pod]:
    """Yield a pod for each WorkloadEntry; Services select these machines like pods."""
    for resource, entry in manifests.of(kinds.WorkloadEntry):
        metadata = entry.metadata
        yield pod_elsewhere(resource, metadata.name, metadata.namespace, entry.spec.labels, {})


def pods_of(
    resource: Resource, entry: kinds.ServiceEntry, host: str, near: list[Pod]
) -> tuple[Pod, ...]:
    """Return the pods that a ServiceEntry selects; else one for each endpoint, or for `host`.

    `near`: the pods of its namespace.
    """
    if entry.spec.workload_selector is not None:
        selector = entry.spec.workload_selector.labels.items()
        return tuple(pod for pod in near if selector <= pod.labels.items())
    service = host_in_manifest(host, "")
    variables = {"app": service.name if service else host}
    namespace = entry.metadata.namespace
    return tuple(
        pod_elsewhere(resource, host, namespace, labels, variables)
        for labels in [endpoint.labels for endpoint in entry.spec.endpoints] or [{}]
    )


def service_of(entry: kinds.ServiceEntry) -> kinds.ServiceSpec:
    """Return a ServiceEntry's ports and selector as those of a Service."""
    return kinds.ServiceSpec.model_validate(
        {
            "ports": [
                {"port": p.number, "name": p.name, "appProtocol": p.protocol.lower()}
                | ({"targetPort": p.target_port} if p.target_port else {})
                for p in entry.spec.ports
            ],
            "selector": selector.labels if (selector := entry.spec.workload_selector) else {},
        }
    )


def require_simulated(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Report resources that `lanes up` does not simulate.

    A ServiceEntry that selects pods is simulated.
    """
    models = (kinds.WorkloadEntry, kinds.EnvoyFilter, kinds.Sidecar, kinds.GRPCRoute)
    resources = [resource for model in models for resource, _ in manifests.of(model)]
    entries = manifests.of(kinds.ServiceEntry)
    resources += [resource for resource, entry in entries if not entry.spec.workload_selector]
    for resource in resources:
        diagnostics.not_simulate(resource.error("", NOT_RUN))


def pod_elsewhere(
    resource: Resource,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    env: Mapping[str, str],
) -> Pod:
    """Return an endpoint that no workload of the manifests runs, as a pod."""
    return Pod(
        name=name,
        namespace=namespace,
        labels=labels,
        env=env,
        ip_env=(),
        port=80,
        named_ports={},
        readiness=None,
        propagation=Propagation(),
        namespace_named=resource.namespaced,
        place=resource.place("spec"),
    )
