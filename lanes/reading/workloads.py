"""From Deployments and their like to pods: replicas, environment, what a sidecar adds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.model import (
    SIDECAR_PORT,
    Pod,
)
from lanes.mesh.readiness import Readiness
from lanes.reading import kinds
from lanes.reading.configmaps import ConfigMaps
from lanes.reading.environment import Fields, environment, unusable
from lanes.reading.instrumentation import injected, warn_of_ignored
from lanes.reading.manifests import NOT_RUN, Manifests, Resource
from lanes.reading.providers import propagation_of
from lanes.reading.serving import serving
from lanes.reading.sidecars import Sidecars
from lanes.reading.target_ports import TargetPorts

MOST_PODS = 10_000
_SAMPLE = "traffic-lanes"


@dataclass(frozen=True)
class _Workload:
    """What makes pods: their number, their template, and the field that holds its spec."""

    resource: Resource
    metadata: kinds.Metadata
    replicas: int
    template: kinds.PodTemplate
    field: str

    @property
    def names(self) -> Iterator[str]:
        """A name for each pod, which no two workloads share."""
        for replica in range(1, self.replicas + 1):
            # An underscore is in no workload's name.
            yield self.metadata.name if self.replicas == 1 else f"{self.metadata.name}_{replica}"


def pods_of(manifests: Manifests, sidecars: Sidecars, diagnostics: Diagnostics) -> tuple[Pod, ...]:
    """Return every pod that the workloads of `manifests` run, with its environment resolved."""
    made: list[Pod] = []
    for workload in _workloads(manifests):
        resource, template = workload.resource, workload.template
        field = f"{workload.field.removesuffix('spec')}metadata"
        with diagnostics.gathered():
            if len(made) + workload.replicas > MOST_PODS:
                problem = f"makes more than {MOST_PODS:,} pods in all; set fewer replicas"
                raise resource.error("spec.replicas", problem)
            unrouted = sidecars.of(resource, field, template, workload.metadata.namespace)
            pods = _pods(manifests, workload, diagnostics)
            made += (replace(pod, unrouted=unrouted) for pod in pods)
    return tuple(made)


def require_simulated(manifests: Manifests, pods: Iterable[Pod], diagnostics: Diagnostics) -> None:
    """Report what pods ask for that their stand-ins on one machine do not do.

    Where all of a workload's pods run commands of the user's own, these need no more than they
    bring: what the manifest would give besides is a warning.
    """
    commanded = {pod.key for pod in pods if pod.command}
    for workload in _workloads(manifests):
        resource, spec = workload.resource, workload.template.spec
        keys = {f"{workload.metadata.namespace}/{name}" for name in workload.names}
        index, container = serving(spec)
        paths = list(kinds.only_running(spec, workload.field))
        if keys and keys <= commanded:
            paths += [
                f"{workload.field}.containers[{other}]"
                for other in range(len(spec.containers))
                if other != index
            ]
            if paths:
                named = ", ".join(path.removeprefix(f"{workload.field}.") for path in paths)
                problem = f"its command runs without {named}"
                diagnostics.warn(resource.finding("command", workload.field, problem))
        else:
            for path in paths:
                diagnostics.not_simulate(resource.error(path, NOT_RUN))
            if len(spec.containers) > 1:
                problem = f"one of {len(spec.containers)} is run here"
                diagnostics.not_simulate(resource.error(f"{workload.field}.containers", problem))
        where = f"{workload.field}.containers[{index}]"
        variable = next((v.value for v in container.env if v.name == "port"), "")
        if variable and not variable.isdecimal():
            diagnostics.not_simulate(
                resource.error(f"{where}.env", f'port "{variable}" is not a number')
            )
        elif not variable and not container.ports:
            problem = "is missing; name the port that the container listens on"
            diagnostics.not_simulate(resource.error(f"{where}.ports", problem))
        elif _port(container, variable) == SIDECAR_PORT:
            problem = f"{SIDECAR_PORT} is the sidecar's port; use another"
            diagnostics.not_simulate(resource.error(f"{where}.ports", problem))
        probe = container.readiness_probe
        if probe and probe.http_get:
            asked = _asked(container, probe.http_get)
            field = f"{where}.readinessProbe.httpGet.port"
            if asked is None:
                problem = (
                    f'"{probe.http_get.port}" is not a port of the container; name one of its ports'
                )
                diagnostics.not_simulate(resource.error(field, problem))
            if asked == SIDECAR_PORT:
                problem = f"{asked} is the sidecar's port; use another"
                diagnostics.not_simulate(resource.error(field, problem))


def _workloads(manifests: Manifests) -> Iterator[_Workload]:
    maps, services = ConfigMaps(manifests), TargetPorts(manifests)
    for one in _written(manifests):
        template = maps.filled(one.template, one.metadata.namespace)
        yield replace(one, template=services.filled(template, one.metadata.namespace))


def _written(manifests: Manifests) -> Iterator[_Workload]:
    templates: dict[tuple[str, str, str], kinds.PodTemplate] = {}
    referred: set[tuple[str, str, str]] = set()
    rollouts: list[tuple[Resource, kinds.Rollout]] = list(manifests.of(kinds.Rollout))
    for _, rollout in rollouts:
        if reference := rollout.spec.workload_ref:
            referred.add((reference.kind, rollout.metadata.namespace, reference.name))
    for resource, body in manifests.of(kinds.Workload):
        key = (resource.kind, body.metadata.namespace, body.metadata.name)
        templates[key] = body.spec.template
        if key not in referred:  # else the Rollout runs it
            spec = "spec.template.spec"
            yield _Workload(resource, body.metadata, body.spec.replicas, body.spec.template, spec)
    for resource, rollout in rollouts:
        reference, template = rollout.spec.workload_ref, rollout.spec.template
        if template is None and reference:
            key = (reference.kind, rollout.metadata.namespace, reference.name)
            template = templates.get(key)
        if template is not None:
            replicas = rollout.spec.replicas
            yield _Workload(resource, rollout.metadata, replicas, template, "spec.template.spec")
    for resource, pod in manifests.of(kinds.Pod):
        own = kinds.PodMetadata(labels=pod.metadata.labels, annotations=pod.metadata.annotations)
        template = kinds.PodTemplate(metadata=own, spec=pod.spec)
        yield _Workload(resource, pod.metadata, 1, template, "spec")


def _pods(manifests: Manifests, workload: _Workload, diagnostics: Diagnostics) -> tuple[Pod, ...]:
    resource, template, namespace = (
        workload.resource,
        workload.template,
        workload.metadata.namespace,
    )
    index, container = serving(template.spec)
    named = [one.name for one in template.spec.containers]
    warn_of_ignored(resource, workload.metadata, template.metadata.annotations, diagnostics)
    made: list[Pod] = []
    propagation = propagation_of(manifests, template.metadata.labels, namespace)
    for name in workload.names:
        fields = Fields(
            name=name,
            namespace=namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
        )
        try:
            own = environment(container.env, fields)
            added = injected(manifests, resource, fields, named, index, diagnostics)
        except ValueError as error:
            where = f"{workload.field}.containers[{index}].env"
            raise resource.error(
                where, f"{error}; a cluster does not start such a container"
            ) from None
        env = {**added.environment.variables, **own.variables}
        addresses = added.environment.addresses + own.addresses
        if problem := unusable(env, addresses):
            raise resource.error(f"{workload.field}.containers[{index}].env", problem)
        port = _port(container, env.get("port", ""))
        made.append(
            Pod(
                name=fields.name,
                namespace=namespace,
                labels=fields.labels,
                env=env,
                ip_env=addresses,
                port=port,
                named_ports={
                    port.name: port.container_port
                    for each in reversed(template.spec.containers)
                    for port in each.ports
                    if port.name
                },
                readiness=_readiness(container, port),
                propagation=propagation,
                sample=_is_sample(container.image),
                injected=added.languages,
                namespace_named=resource.namespaced,
                place=resource.place(workload.field.rpartition(".")[0]),
            )
        )
    return tuple(made)


def _is_sample(image: str) -> bool:
    """Tell whether an image is the sample's, by its name; one without a name is."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name in ("", _SAMPLE)


def _port(container: kinds.Container, variable: str) -> int:
    """The port that the container listens on: its variable, else the one it names, else 8000."""
    if variable.isdecimal() and len(variable) < 6:
        return int(variable)
    return container.ports[0].container_port if container.ports else 8000


def _asked(container: kinds.Container, probe: kinds.HttpGet) -> int | None:
    named = {p.name: p.container_port for p in container.ports}
    return named.get(probe.port) if isinstance(probe.port, str) else probe.port


def _readiness(container: kinds.Container, port: int) -> Readiness | None:
    """Where the container tells whether it is ready; None: it is when it accepts."""
    probe = container.readiness_probe
    if probe is None or probe.http_get is None:
        return None
    asked = _asked(container, probe.http_get)
    # The sample service, which stands in here, answers no probes where it answers requests.
    return None if asked in (port, None) else Readiness(probe.http_get.path, asked)
