"""What is no pod of a Kubernetes workload: ServiceEntries' hosts, and machines."""

from collections.abc import Iterator, Mapping

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import host_in_manifest
from lanes.mesh.model import Pod
from lanes.mesh.traffic import Propagation
from lanes.reading import kinds
from lanes.reading.manifests import NOT_RUN, Manifests, Resource


def machines_of(manifests: Manifests) -> Iterator[Pod]:
    """A pod for each WorkloadEntry, which Services select like one."""
    for resource, entry in manifests.of(kinds.WorkloadEntry):
        metadata = entry.metadata
        yield pod_elsewhere(resource, metadata.name, metadata.namespace, entry.spec.labels, {})


def pods_of(
    resource: Resource, entry: kinds.ServiceEntry, host: str, near: list[Pod]
) -> tuple[Pod, ...]:
    """What answers for a ServiceEntry's host: the pods that it selects, else its endpoints."""
    if entry.spec.workload_selector is not None:
        selector = entry.spec.workload_selector.labels.items()
        return tuple(pod for pod in near if selector <= pod.labels.items())
    labels = [endpoint.labels for endpoint in entry.spec.endpoints] or [{}]
    meant = host_in_manifest(host, "")
    variables = {"app": meant.name if meant else host}
    namespace = entry.metadata.namespace
    return tuple(pod_elsewhere(resource, host, namespace, each, variables) for each in labels)


def service_of(entry: kinds.ServiceEntry) -> kinds.ServiceSpec:
    """A ServiceEntry's ports, as a Service would have them."""
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
    """Report kinds that only a cluster acts on; a ServiceEntry that selects pods is none."""
    cluster = (kinds.WorkloadEntry, kinds.EnvoyFilter, kinds.Sidecar, kinds.GRPCRoute)
    found = [resource for kind in cluster for resource, _ in manifests.of(kind)]
    entries = manifests.of(kinds.ServiceEntry)
    found += [resource for resource, entry in entries if not entry.spec.workload_selector]
    for resource in found:
        diagnostics.not_simulate(resource.error("", NOT_RUN))


def pod_elsewhere(
    resource: Resource,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    env: Mapping[str, str],
) -> Pod:
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
