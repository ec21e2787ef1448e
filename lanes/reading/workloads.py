"""Makes pods of Deployments and other workloads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.model import SIDECAR_PORT, Pod, Unrouted
from lanes.mesh.readiness import Readiness
from lanes.reading import kinds
from lanes.reading.configmaps import ConfigMaps
from lanes.reading.environment import Environment, Fields, environment, unusable
from lanes.reading.instrumentation import Injected, injected, warn_of_ignored
from lanes.reading.manifests import NOT_RUN, Manifests, Resource
from lanes.reading.providers import propagation_of
from lanes.reading.serving import serving
from lanes.reading.sidecars import Sidecars
from lanes.reading.target_ports import TargetPorts

MOST_PODS = 10_000
_SAMPLE = "traffic-lanes"


@dataclass(frozen=True)
class _Workload:
    """A resource that runs pods; `field`: where its pods' spec is."""

    resource: Resource
    metadata: kinds.Metadata
    replicas: int
    template: kinds.PodTemplate
    field: str = "spec.template.spec"

    @property
    def names(self) -> Iterator[str]:
        """The names of its pods, which no two workloads share."""
        for replica in range(1, self.replicas + 1):
            # No workload's name has an underscore.
            yield self.metadata.name if self.replicas == 1 else f"{self.metadata.name}_{replica}"


def pods_of(manifests: Manifests, sidecars: Sidecars, diagnostics: Diagnostics) -> tuple[Pod, ...]:
    """Return every pod that the workloads of `manifests` run."""
    pods: list[Pod] = []
    for workload in _workloads(manifests):
        resource, template = workload.resource, workload.template
        field = f"{workload.field.removesuffix('spec')}metadata"
        with diagnostics.gathered():
            if len(pods) + workload.replicas > MOST_PODS:
                problem = f"makes more than {MOST_PODS:,} pods in all; set fewer replicas"
                raise resource.error("spec.replicas", problem)
            unrouted = sidecars.of(resource, field, template, workload.metadata.namespace)
            pods += tuple(_pods(manifests, workload, unrouted, diagnostics))
    return tuple(pods)


def require_simulated(manifests: Manifests, pods: Iterable[Pod], diagnostics: Diagnostics) -> None:
    """Report fields of workloads that their stand-ins on one machine do not act on.

    If the user's own commands replace all pods of a workload, such fields are a warning.
    """
    commanded = {pod.key for pod in pods if pod.command}
    for workload in _workloads(manifests):
        keys = {f"{workload.metadata.namespace}/{name}" for name in workload.names}
        index, container = serving(workload.template.spec)
        if keys and keys <= commanded:
            _warn_of_command(workload, index, diagnostics)
        else:
            _report_cluster_fields(workload, diagnostics)
        field = f"{workload.field}.containers[{index}]"
        for path, problem in (*_port_problems(container), *_probe_problems(container)):
            diagnostics.not_simulate(workload.resource.error(f"{field}.{path}", problem))


def _warn_of_command(workload: _Workload, index: int, diagnostics: Diagnostics) -> None:
    """Warn of all that a command, in place of container `index`, runs without."""
    spec = workload.template.spec
    paths = [path.removeprefix(".") for path in kinds.only_running(spec, "")]
    paths += [f"containers[{other}]" for other in range(len(spec.containers)) if other != index]
    if paths:
        problem = f"its command runs without {', '.join(paths)}"
        diagnostics.warn(workload.resource.finding("command", workload.field, problem))


def _report_cluster_fields(workload: _Workload, diagnostics: Diagnostics) -> None:
    resource, spec = workload.resource, workload.template.spec
    for path in kinds.only_running(spec, workload.field):
        diagnostics.not_simulate(resource.error(path, NOT_RUN))
    if len(spec.containers) > 1:
        problem = f"one of {len(spec.containers)} is run here"
        diagnostics.not_simulate(resource.error(f"{workload.field}.containers", problem))


def _port_problems(container: kinds.Container) -> Iterator[tuple[str, str]]:
    """Yield the field of a port at which no stand-in can listen, and why."""
    variable = next((v.value for v in container.env if v.name == "port"), "")
    if variable and not variable.isdecimal():
        yield "env", f'port "{variable}" is not a number'
    elif not variable and not container.ports:
        yield "ports", "is missing; name the port that the container listens on"
    elif _port(container, variable) == SIDECAR_PORT:
        yield "ports", f"{SIDECAR_PORT} is the sidecar's port; use another"


def _probe_problems(container: kinds.Container) -> Iterator[tuple[str, str]]:
    """Yield the field of a probe's port at which no stand-in can listen, and why."""
    probe = container.readiness_probe
    if probe and probe.http_get:
        field, port = "readinessProbe.httpGet.port", _probed_port(container, probe.http_get)
        if port is None:
            name = probe.http_get.port
            yield field, f'"{name}" is not a port of the container; name one of its ports'
        if port == SIDECAR_PORT:
            yield field, f"{port} is the sidecar's port; use another"


def _workloads(manifests: Manifests) -> Iterator[_Workload]:
    """Yield the workloads with the variables of ConfigMaps and the target ports of Services."""
    maps, services = ConfigMaps(manifests), TargetPorts(manifests)
    for workload in _as_written(manifests):
        namespace = workload.metadata.namespace
        template = services.filled(maps.filled(workload.template, namespace), namespace)
        yield replace(workload, template=template)


def _as_written(manifests: Manifests) -> Iterator[_Workload]:
    """Yield the workloads; a Rollout replaces the workload that it refers to."""
    rollouts: list[tuple[Resource, kinds.Rollout]] = list(manifests.of(kinds.Rollout))
    replaced = {
        (reference.kind, body.metadata.namespace, reference.name)
        for _, body in rollouts
        if (reference := body.spec.workload_ref)
    }
    templates: dict[tuple[str, str, str], kinds.PodTemplate] = {}
    for resource, body in manifests.of(kinds.Workload):
        key = (resource.kind, body.metadata.namespace, body.metadata.name)
        templates[key] = body.spec.template
        if key not in replaced:
            yield _Workload(resource, body.metadata, body.spec.replicas, body.spec.template)
    for resource, rollout in rollouts:
        reference, template = rollout.spec.workload_ref, rollout.spec.template
        if template is None and reference:
            key = (reference.kind, rollout.metadata.namespace, reference.name)
            template = templates.get(key)
        if template is not None:
            yield _Workload(resource, rollout.metadata, rollout.spec.replicas, template)
    for resource, pod in manifests.of(kinds.Pod):
        own = kinds.PodMetadata(labels=pod.metadata.labels, annotations=pod.metadata.annotations)
        template = kinds.PodTemplate(metadata=own, spec=pod.spec)
        yield _Workload(resource, pod.metadata, 1, template, "spec")


def _pods(
    manifests: Manifests, workload: _Workload, unrouted: Unrouted, diagnostics: Diagnostics
) -> Iterator[Pod]:
    """Yield a workload's pods. Raises ManifestError if a cluster cannot start them."""
    resource, template = workload.resource, workload.template
    namespace, metadata = workload.metadata.namespace, template.metadata
    _, container = serving(template.spec)
    warn_of_ignored(resource, workload.metadata, metadata.annotations, diagnostics)
    propagation = propagation_of(manifests, metadata.labels, namespace)
    containers = reversed(template.spec.containers)
    ports = [port for each in containers for port in each.ports if port.name]
    for name in workload.names:
        fields = Fields(name, namespace, metadata.labels, metadata.annotations)
        added = _environment(manifests, workload, fields, diagnostics)
        env = added.environment.variables
        port = _port(container, env.get("port", ""))
        yield Pod(
            name=name,
            namespace=namespace,
            labels=metadata.labels,
            env=env,
            ip_env=added.environment.addresses,
            port=port,
            named_ports={port.name: port.container_port for port in ports},
            readiness=_readiness(container, port),
            propagation=propagation,
            sample=_is_sample(container.image),
            injected=added.languages,
            namespace_named=resource.namespaced,
            place=resource.place(workload.field.rpartition(".")[0]),
            unrouted=unrouted,
        )


def _environment(
    manifests: Manifests, workload: _Workload, fields: Fields, diagnostics: Diagnostics
) -> Injected:
    """Return the variables of a pod's serving container, and the languages injected into it."""
    resource, containers = workload.resource, workload.template.spec.containers
    index, container = serving(workload.template.spec)
    field, names = f"{workload.field}.containers[{index}].env", [each.name for each in containers]
    try:
        own = environment(container.env, fields)
        added = injected(manifests, resource, fields, names, index, diagnostics)
    except ValueError as error:
        problem = f"{error}; a cluster does not start such a container"
        raise resource.error(field, problem) from None
    variables = {**added.environment.variables, **own.variables}
    addresses = added.environment.addresses + own.addresses
    if reason := unusable(variables, addresses):
        raise resource.error(field, reason)
    return Injected(added.languages, Environment(variables, addresses))


def _is_sample(image: str) -> bool:
    """Tell whether an image is the sample's, by its name; no image counts as the sample's."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name in ("", _SAMPLE)


def _port(container: kinds.Container, variable: str) -> int:
    """Return the port of the variable, else the first that the container names, else 8000."""
    if variable.isdecimal() and len(variable) < 6:
        return int(variable)
    return container.ports[0].container_port if container.ports else 8000


def _probed_port(container: kinds.Container, probe: kinds.HttpGet) -> int | None:
    """Return the port of a probe; None: it names no port of the container."""
    named = {p.name: p.container_port for p in container.ports}
    return named.get(probe.port) if isinstance(probe.port, str) else probe.port


def _readiness(container: kinds.Container, port: int) -> Readiness | None:
    """Return the path and port of the readiness probe; None: ready when the port accepts."""
    probe = container.readiness_probe
    if probe is None or probe.http_get is None:
        return None
    probed = _probed_port(container, probe.http_get)
    # The sample service, as a stand-in, answers no probes at the port of its requests.
    return None if probed in (port, None) else Readiness(probe.http_get.path, probed)
