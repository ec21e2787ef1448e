"""From Deployments to pods: replicas, environment, what injection and the sidecar add."""

import re
from collections.abc import Iterator, Mapping

from lanes import kinds
from lanes.manifests import Manifests, Resource
from lanes.model import Pod, Propagation

INJECT = "instrumentation.opentelemetry.io/inject-python"
_METADATA = re.compile(r"metadata\.(?:(name|namespace)|(labels|annotations)\['([^']+)'\])")


def pods_of(manifests: Manifests) -> Iterator[Pod]:
    """Every pod that the Deployments of `manifests` run, with its environment resolved.

    Raises ManifestError where a pod needs what one machine can't give it.
    """
    for resource, deployment in manifests.of(kinds.Deployment):
        namespace, name = deployment.metadata.namespace, deployment.metadata.name
        template = deployment.spec.template
        container = template.spec.containers[0]
        probe = container.readiness_probe
        propagation = _propagation(manifests, template, namespace)
        injected = _injected_env(manifests, resource, template, namespace)
        for replica in range(1, deployment.spec.replicas + 1):
            pod_name = name if deployment.spec.replicas == 1 else f"{name}-{replica}"
            metadata = {"name": pod_name, "namespace": namespace}
            env, ip_env = _env(resource, container, template, metadata)
            env = injected | env
            yield Pod(
                name=pod_name,
                namespace=namespace,
                labels=template.metadata.labels,
                env=env,
                ip_env=ip_env,
                port=_port(resource, container, env),
                named_ports={p.name: p.container_port for p in container.ports if p.name},
                image=container.image,
                readiness_path=probe.http_get.path if probe and probe.http_get else None,
                propagation=propagation,
            )


def _port(resource: Resource, container: kinds.Container, env: Mapping[str, str]) -> int:
    text = env.get("port") or (str(container.ports[0].container_port) if container.ports else "")
    if not text.isdigit():
        raise resource.error(
            "spec.template.spec.containers[0].ports", "missing; name the port that it listens on"
        )
    return int(text)


def _env(
    resource: Resource,
    container: kinds.Container,
    template: kinds.PodTemplate,
    metadata: Mapping[str, str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    env: dict[str, str] = {}
    ip_env = []
    for index, variable in enumerate(container.env):
        if variable.value_from is None:
            env[variable.name] = variable.value
            continue
        path = variable.value_from.field_ref.field_path
        if path == "status.podIP":
            ip_env.append(variable.name)
        elif match := _METADATA.fullmatch(path):
            own = {
                "labels": template.metadata.labels,
                "annotations": template.metadata.annotations,
            }
            env[variable.name] = metadata[match[1]] if match[1] else own[match[2]].get(match[3], "")
        else:
            where = f"spec.template.spec.containers[0].env[{index}].valueFrom.fieldRef.fieldPath"
            raise resource.error(where, f"{path} is not emulated; give it a value")
    return env, tuple(ip_env)


def _injected_env(
    manifests: Manifests, resource: Resource, template: kinds.PodTemplate, namespace: str
) -> dict[str, str]:
    """What the OpenTelemetry Operator would set in a pod that asks for injection."""
    asked = template.metadata.annotations.get(INJECT, "false")
    if asked == "false":
        return {}
    found = [
        body
        for _, body in manifests.of(kinds.Instrumentation)
        if body.metadata.namespace == namespace
        and (asked == "true" or asked.rpartition("/")[2] == body.metadata.name)
    ]
    if len(found) != 1:
        raise resource.error(
            f"spec.template.metadata.annotations[{INJECT}]",
            f'"{asked}" matches {len(found)} Instrumentation resources in namespace {namespace};'
            " the operator injects only where exactly one fits",
        )
    spec = found[0].spec
    env = {v.name: v.value for v in [*spec.env, *spec.python.env]}
    if spec.propagators:
        env.setdefault("OTEL_PROPAGATORS", ",".join(spec.propagators))
    if spec.sampler.type:
        env.setdefault("OTEL_TRACES_SAMPLER", spec.sampler.type)
        if spec.sampler.argument:
            env.setdefault("OTEL_TRACES_SAMPLER_ARG", spec.sampler.argument)
    return env


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
