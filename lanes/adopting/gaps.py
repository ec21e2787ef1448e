"""Finds what manifests lack for lanes, each as a patch for kubectl or Kustomize."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lanes.adopting.inventory import Inventory, Service, Workload
from lanes.adopting.written import one_line
from lanes.mesh.model import Pod
from lanes.printable import printable
from lanes.reading.instrumentation import INJECT
from lanes.reading.manifests import Resource

# Prefixes of variables that show a program's language, by the OpenTelemetry Operator's names.
_LANGUAGES = {
    "java": ("JAVA_", "JDK_", "SPRING_"),
    "nodejs": ("NODE_", "NPM_"),
    "python": ("PYTHON", "FLASK_", "DJANGO_", "GUNICORN_", "UVICORN_"),
    "dotnet": ("ASPNETCORE_", "DOTNET_"),
}


@dataclass(frozen=True)
class Gap:
    """What a resource lacks, as a sentence, and the strategic merge patch that adds it."""

    resource: Resource
    sentence: str
    patch: dict[str, Any]

    def __str__(self) -> str:
        return printable(f"{self.resource.kind} {self.resource.name}: {self.sentence}")

    @property
    def command(self) -> str:
        """The command that patches the resource in a cluster."""
        resource = self.resource
        words = ["kubectl", "patch", resource.kind.lower(), resource.name]
        words += ["--namespace", resource.namespace] if resource.namespaced else []
        words += ["--patch", json.dumps(self.patch)]
        return printable(shlex.join(words))

    @property
    def document(self) -> str:
        """The patch for Kustomize, after comments with the sentence and the command."""
        resource = self.resource
        metadata = {"name": resource.name}
        if resource.namespaced:
            metadata["namespace"] = resource.namespace
        lines = [
            f"# {self}",
            f"# {self.command}",
            f"apiVersion: {one_line(resource.data['apiVersion'])}",
            f"kind: {one_line(resource.kind)}",
            f"metadata: {one_line(metadata)}",
            *(f"{one_line(key)}: {one_line(value)}" for key, value in self.patch.items()),
        ]
        return "\n".join(lines) + "\n"


def gaps(inventory: Inventory, provider: str, *, routing_only: bool) -> tuple[Gap, ...]:
    """Return what the resources of an inventory lack.

    With `routing_only`, the team labels its pods by version: on asm and istio those of services
    with several versions, on gateway-api all.
    """
    gaps: list[Gap] = []
    for service in inventory.services:
        if service.protocol is None:
            gaps.append(_unnamed_protocol(service))
        needs_labels = routing_only and (provider == "gateway-api" or len(service.versions) > 1)
        for lane, workload in service.versions.items():
            if needs_labels:
                gaps += _unlabeled(workload, inventory.label, lane)
            if service.upstreams or (inventory.unreached and not service.calls_known):
                gaps += _uninstrumented(workload, service.pods)
    return tuple(gaps)


def _unnamed_protocol(service: Service) -> Gap:
    port = service.port.port
    sentence = f"port {port} does not say what it carries: http here, or grpc"
    return Gap(
        service.resource, sentence, {"spec": {"ports": [{"port": port, "appProtocol": "http"}]}}
    )


def _unlabeled(workload: Workload, label: str, lane: str) -> Iterator[Gap]:
    if workload.template.metadata.labels.get(label) != lane:
        sentence = f"its pods lack the label {label}: {lane}, by which lanes tell versions apart"
        yield Gap(
            workload.resource,
            sentence,
            {"spec": {"template": {"metadata": {"labels": {label: lane}}}}},
        )


def _uninstrumented(workload: Workload, pods: tuple[Pod, ...]) -> Iterator[Gap]:
    resource = workload.resource
    own = [pod for pod in pods if pod.place.resource == str(resource)]
    injected = any(name.startswith(INJECT) for name in workload.template.metadata.annotations)
    if not own or own[0].carries_baggage or injected:
        return
    container = workload.template.spec.containers[workload.container]
    propagators = own[0].env.get("OTEL_PROPAGATORS", "")
    language = "" if propagators else _language(own[0])
    if language:
        sentence = (
            f"nothing shows that it propagates baggage: let the Operator instrument {language}"
        )
        metadata = {"annotations": {f"{INJECT}{language}": "true"}}
        yield Gap(resource, sentence, {"spec": {"template": {"metadata": metadata}}})
        return
    sentence = "nothing shows that it propagates baggage: instrument it with OpenTelemetry"
    if own[0].carries_baggage is False:
        sentence = "its OpenTelemetry does not propagate baggage"
    env = [{"name": "OTEL_PROPAGATORS", "value": f"{propagators or 'tracecontext'},baggage"}]
    spec = {"containers": [{"name": container.name, "env": env}]}
    yield Gap(resource, sentence, {"spec": {"template": {"spec": spec}}})


def _language(pod: Pod) -> str:
    """Return the language of a pod's program by its variables; "" if they do not show it."""
    for language, prefixes in _LANGUAGES.items():
        if any(name.startswith(prefixes) for name in pod.env):
            return language
    return ""
