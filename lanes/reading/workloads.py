"""From Deployments to pods: replicas, environment, what injection and the sidecar add."""

from collections.abc import Iterator

from lanes.model import SIDECAR_PORT, Pod, Propagation, Readiness
from lanes.reading import kinds
from lanes.reading.environment import Environment, Fields, environment
from lanes.reading.manifests import Manifests, Resource

INJECT = "instrumentation.opentelemetry.io/inject-python"

_CONTAINER = "spec.template.spec.containers[0]"


def pods_of(manifests: Manifests) -> Iterator[Pod]:
    """Every pod that the Deployments of `manifests` run, with its environment resolved.

    Raises ManifestError where a pod needs what one machine can't give it.
    """
    for resource, deployment in manifests.of(kinds.Deployment):
        namespace, name = deployment.metadata.namespace, deployment.metadata.name
        template = deployment.spec.template
        container = template.spec.containers[0]
        propagation = _propagation(manifests, template, namespace)
        for replica in range(1, deployment.spec.replicas + 1):
            fields = Fields(
                # An underscore is in no Deployment's name, so no two pods share one.
                name=name if deployment.spec.replicas == 1 else f"{name}_{replica}",
                namespace=namespace,
                labels=template.metadata.labels,
                annotations=template.metadata.annotations,
            )
            own = environment(resource, f"{_CONTAINER}.env", container.env, fields)
            injected = _injected(manifests, resource, fields)
            env = {**injected.variables, **own.variables}
            port = _port(resource, container, env.get("port", ""))
            yield Pod(
                name=fields.name,
                namespace=namespace,
                labels=fields.labels,
                env=env,
                ip_env=injected.addresses + own.addresses,
                port=port,
                named_ports={p.name: p.container_port for p in container.ports if p.name},
                readiness=_readiness(resource, container, port),
                propagation=propagation,
                namespace_named="namespace" in deployment.metadata.model_fields_set,
                place=resource.place("spec.template"),
            )


def _port(resource: Resource, container: kinds.Container, told: str) -> int:
    """The port that the container listens on: the one it is told, else the one it names."""
    if told:
        if not told.isdecimal():
            raise resource.error(f"{_CONTAINER}.env", f'port "{told}" is no number')
        port = int(told)
    elif container.ports:
        port = container.ports[0].container_port
    else:
        raise resource.error(f"{_CONTAINER}.ports", "missing; name the port that it listens on")
    if port == SIDECAR_PORT:
        raise resource.error(f"{_CONTAINER}.ports", f"{port} is the sidecar's port; take another")
    return port


def _readiness(resource: Resource, container: kinds.Container, port: int) -> Readiness | None:
    """Where the container tells whether it is ready; None: it is when it accepts."""
    probe = container.readiness_probe
    if probe is None or probe.http_get is None:
        return None
    named = {p.name: p.container_port for p in container.ports}
    asked = probe.http_get.port
    found = named.get(asked) if isinstance(asked, str) else asked
    where = f"{_CONTAINER}.readinessProbe.httpGet.port"
    if found is None:
        raise resource.error(where, f'"{asked}" is no port of the container')
    if found == port:  # the sample service, which stands in here, answers no probes there
        return None
    if found == SIDECAR_PORT:
        raise resource.error(where, f"{found} is the sidecar's port; take another")
    return Readiness(probe.http_get.path, found)


def _injected(manifests: Manifests, resource: Resource, fields: Fields) -> Environment:
    """What the OpenTelemetry Operator would set in a pod that asks for injection."""
    asked = fields.annotations.get(INJECT, "false")
    if asked == "false":
        return Environment()
    namespace, _, name = asked.rpartition("/")
    namespace = namespace or fields.namespace
    found = [
        (source, body.spec)
        for source, body in manifests.of(kinds.Instrumentation)
        if body.metadata.namespace == namespace and name in ("true", body.metadata.name)
    ]
    if len(found) != 1:
        raise resource.error(
            f"spec.template.metadata.annotations[{INJECT}]",
            f'"{asked}" matches {len(found)} Instrumentation resources in namespace {namespace};'
            " the operator injects only where exactly one fits",
        )
    source, spec = found[0]
    general = environment(source, "spec.env", spec.env, fields)
    python = environment(source, "spec.python.env", spec.python.env, fields)
    return Environment(
        {**_settings(spec), **general.variables, **python.variables},
        general.addresses + python.addresses,
    )


def _settings(spec: kinds.InstrumentationSpec) -> dict[str, str]:
    """The variables that stand for the Instrumentation's own fields."""
    settings = {
        "OTEL_PROPAGATORS": ",".join(spec.propagators),
        "OTEL_TRACES_SAMPLER": spec.sampler.type,
        "OTEL_TRACES_SAMPLER_ARG": spec.sampler.argument if spec.sampler.type else "",
    }
    return {name: value for name, value in settings.items() if value}


def _propagation(manifests: Manifests, template: kinds.PodTemplate, namespace: str) -> Propagation:
    acting = [
        body.spec
        for _, body in manifests.of(kinds.ASMHeaderPropagation)
        if body.metadata.namespace == namespace
        and (
            body.spec.workload_selector is None
            or body.spec.workload_selector.labels.items() <= template.metadata.labels.items()
        )
    ]
    return Propagation(
        headers=tuple(dict.fromkeys(h.lower() for spec in acting for h in spec.headers)),
        prefixes=tuple(dict.fromkeys(p.lower() for spec in acting for p in spec.header_prefix)),
    )
