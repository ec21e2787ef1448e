"""What the OpenTelemetry Operator injects: into which pods, of which language, with what settings.

https://opentelemetry.io/docs/platforms/kubernetes/operator/automatic/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from lanes.mesh.diagnostics import Diagnostics
from lanes.reading import kinds
from lanes.reading.environment import Environment, Fields, environment
from lanes.reading.manifests import Manifests, Resource

_PREFIX = "instrumentation.opentelemetry.io"
INJECT = f"{_PREFIX}/inject-"
LANGUAGES = ("python", "java", "nodejs", "dotnet", "go", "sdk")
_FIELD = "spec.template.metadata.annotations"
_NO_CODE = {
    "go": "instruments Go from outside of the process and carries no baggage",
    "sdk": "brings settings and no code",
}
_OTHERS = ("apache-httpd", "nginx")
_KNOWN = [
    *(f"{INJECT}{language}" for language in (*LANGUAGES, *_OTHERS)),
    *(f"{_PREFIX}/{language}-container-names" for language in (*LANGUAGES, *_OTHERS)),
    f"{_PREFIX}/container-names",
    f"{_PREFIX}/otel-go-auto-target-exe",
    f"{_PREFIX}/otel-python-platform",
    f"{_PREFIX}/otel-dotnet-auto-runtime",
]


@dataclass(frozen=True)
class Injected:
    """The languages whose instrumentation a container gets, and the environment it gets with it."""

    languages: tuple[str, ...] = ()
    environment: Environment = field(default_factory=Environment)


def injected(
    manifests: Manifests,
    resource: Resource,
    fields: Fields,
    containers: Sequence[str],
    serving: int,
    diagnostics: Diagnostics,
) -> Injected:
    """What the container of a pod gets that serves, found by its place among the names of all.

    What is asked for and can't be had is a warning.
    """
    of_namespace = next(
        (
            body.metadata.annotations
            for _, body in manifests.of(kinds.Namespace)
            if body.metadata.name == fields.namespace
        ),
        {},
    )
    languages: list[str] = []
    variables: dict[str, str] = {}
    addresses: tuple[str, ...] = ()
    for language in LANGUAGES:
        key = f"{INJECT}{language}"
        asked = _annotation(fields.annotations, of_namespace, key) or "false"
        if asked.lower() == "false":
            continue
        named = (f"{_PREFIX}/{language}-container-names", f"{_PREFIX}/container-names")
        lists = [_annotation(fields.annotations, of_namespace, name) for name in named]
        if elsewhere := _elsewhere(next(filter(None, lists), ""), containers, serving):
            diagnostics.warn(resource.finding("injection", f"{_FIELD}[{key}]", elsewhere))
            continue
        spec = _instrumentation(manifests, fields.namespace, asked)
        if isinstance(spec, int):
            message = (
                f'"{asked}" matches {spec} Instrumentation resources in namespace'
                f" {asked.rpartition('/')[0] or fields.namespace}; the operator injects only"
                f" where exactly one fits{_there(manifests, asked)}"
            )
            diagnostics.warn(resource.finding("injection", f"{_FIELD}[{key}]", message))
            continue
        if language in _NO_CODE:
            message = f"{_NO_CODE[language]}, so the service has to propagate baggage itself"
            diagnostics.warn(resource.finding("injection", f"{_FIELD}[{key}]", message))
        languages.append(language)
        general, own = environment(spec.env, fields), environment(spec.of(language).env, fields)
        variables |= {**_settings(spec), **general.variables, **own.variables}
        addresses += general.addresses + own.addresses
    return Injected(tuple(languages), Environment(variables, addresses))


def _annotation(of_pod: Mapping[str, str], of_namespace: Mapping[str, str], key: str) -> str:
    """Return what the operator takes: the pod's own, but its `true` is less than a name there."""
    own, general = of_pod.get(key, ""), of_namespace.get(key, "")
    more = general and (not own or (own.lower() == "true" and general.lower() != "false"))
    return general if more else own


def _elsewhere(annotation: str, containers: Sequence[str], serving: int) -> str:
    """Say that the operator injects into another container, or into none; "": into this one.

    It injects into those that annotations name, in `annotation`, or else into the first.
    """
    named = [part.strip() for part in annotation.split(",")] if annotation else containers[:1]
    if containers[serving] in named:
        return ""
    found = [name for name in named if name in containers]
    if not found:
        return f"{', '.join(named)} is no container of these pods, so nothing is injected"
    return (
        f"the operator injects into {', '.join(found)}, and {containers[serving]} serves; name it"
        f" in {_PREFIX}/container-names"
    )


def misplaced(
    resource: Resource,
    metadata: kinds.Metadata,
    of_pods: Mapping[str, str],
    diagnostics: Diagnostics,
) -> None:
    """Warn of annotations that the operator does not see: on a workload, or with a typing error."""
    for key, value in metadata.annotations.items():
        asks = key.startswith(INJECT) and value.lower() != "false"
        if asks and key not in of_pods:
            message = (
                f"stands on the {resource.kind} and not on its pods, so nothing is injected; move"
                " it to spec.template.metadata.annotations"
            )
            diagnostics.warn(resource.finding("injection", f"metadata.annotations[{key}]", message))
    for key in (*metadata.annotations, *of_pods):
        if "instrumentation" in key.lower() and key not in _KNOWN:
            near = get_close_matches(key, _KNOWN, 1, 0.9)
            if near:
                message = f"is no annotation of the operator; did you mean {near[0]}?"
                diagnostics.warn(resource.finding("injection", f"{_FIELD}[{key}]", message))


def _there(manifests: Manifests, asked: str) -> str:
    """Return the end of a sentence that names an Instrumentation of another namespace."""
    name = asked.rpartition("/")[2]
    others = [
        f"{body.metadata.namespace}/{body.metadata.name}"
        for _, body in manifests.of(kinds.Instrumentation)
        if name.lower() == "true" or name == body.metadata.name
    ]
    return f"; write {others[0]}" if len(others) == 1 else ""


def _instrumentation(
    manifests: Manifests, namespace: str, asked: str
) -> kinds.InstrumentationSpec | int:
    """The one that is asked for: true, a name, or namespace/name; else how many would fit."""
    elsewhere, _, name = asked.rpartition("/")
    found = [
        body.spec
        for _, body in manifests.of(kinds.Instrumentation)
        if body.metadata.namespace == (elsewhere or namespace)
        and (name.lower() == "true" or name == body.metadata.name)
    ]
    return found[0] if len(found) == 1 else len(found)


def _settings(spec: kinds.InstrumentationSpec) -> dict[str, str]:
    """The variables that stand for the Instrumentation's own fields."""
    settings = {
        "OTEL_PROPAGATORS": ",".join(spec.propagators),
        "OTEL_TRACES_SAMPLER": spec.sampler.type,
        "OTEL_TRACES_SAMPLER_ARG": spec.sampler.argument if spec.sampler.type else "",
    }
    return {name: value for name, value in settings.items() if value}
