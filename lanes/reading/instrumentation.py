"""What the OpenTelemetry Operator injects: into which pods, of which language, with what settings.

https://opentelemetry.io/docs/platforms/kubernetes/operator/automatic/
"""

from dataclasses import dataclass, field

from lanes.mesh.diagnostics import Diagnostics
from lanes.reading import kinds
from lanes.reading.environment import Environment, Fields, environment
from lanes.reading.manifests import Manifests, Resource

_PREFIX = "instrumentation.opentelemetry.io"
LANGUAGES = ("python", "java", "nodejs", "dotnet", "go", "sdk")


@dataclass(frozen=True)
class Injected:
    """The languages whose instrumentation a container gets, and the environment it gets with it."""

    languages: tuple[str, ...] = ()
    environment: Environment = field(default_factory=Environment)


def injected(
    manifests: Manifests,
    resource: Resource,
    fields: Fields,
    container: tuple[int, str],
    diagnostics: Diagnostics,
) -> Injected:
    """What the `container` of a pod gets, told by its place and its name.

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
        key = f"{_PREFIX}/inject-{language}"
        asked = fields.annotations.get(key) or of_namespace.get(key) or "false"
        if asked.lower() == "false" or not _chosen(fields, language, container):
            continue
        spec = _instrumentation(manifests, fields.namespace, asked)
        if isinstance(spec, int):
            diagnostics.warn(
                resource.finding(
                    "injection",
                    f"spec.template.metadata.annotations[{key}]",
                    f'"{asked}" matches {spec} Instrumentation resources in namespace'
                    f" {asked.rpartition('/')[0] or fields.namespace}; the operator injects only"
                    " where exactly one fits",
                )
            )
            continue
        languages.append(language)
        general, own = environment(spec.env, fields), environment(spec.of(language).env, fields)
        variables |= {**_settings(spec), **general.variables, **own.variables}
        addresses += general.addresses + own.addresses
    return Injected(tuple(languages), Environment(variables, addresses))


def _chosen(fields: Fields, language: str, container: tuple[int, str]) -> bool:
    """Whether the operator injects into this container: by name, or else into the first."""
    index, name = container
    own = fields.annotations.get(f"{_PREFIX}/{language}-container-names")
    named = own or fields.annotations.get(f"{_PREFIX}/container-names")
    return name in [part.strip() for part in named.split(",")] if named else index == 0


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
