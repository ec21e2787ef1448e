"""What the OpenTelemetry Operator injects into pods: instrumentation, and variables for it.

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
_BY_ITSELF = "so the service has to propagate baggage itself"
_NO_CODE = {
    "go": f"instruments Go from outside of the process and carries no baggage, {_BY_ITSELF}",
    "sdk": f"brings settings and no code, {_BY_ITSELF}",
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
    """The languages that a container gets instrumentation for, and the variables it gets."""

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
    """Return what the operator injects into the container that serves, `containers[serving]`.

    Warn of an injection that annotations request and the operator does not make.
    """
    namespaces = (body.metadata for _, body in manifests.of(kinds.Namespace))
    defaults = next((one.annotations for one in namespaces if one.name == fields.namespace), {})
    languages: list[str] = []
    variables: dict[str, str] = {}
    addresses: tuple[str, ...] = ()
    for language in LANGUAGES:
        requested = _value(fields.annotations, defaults, f"{INJECT}{language}") or "false"
        if requested.lower() == "false":
            continue
        keys = (f"{_PREFIX}/{language}-container-names", f"{_PREFIX}/container-names")
        targets = next(filter(None, (_value(fields.annotations, defaults, k) for k in keys)), "")
        spec = _container_problem(targets, containers, serving) or _instrumentation(
            manifests, fields.namespace, requested
        )
        if message := spec if isinstance(spec, str) else _NO_CODE.get(language):
            where = f"{_FIELD}[{INJECT}{language}]"
            diagnostics.warn(resource.finding("injection", where, message))
        if isinstance(spec, str):
            continue
        languages.append(language)
        variables |= _settings(spec)
        for env in (spec.env, spec.of(language).env):
            given = environment(env, fields)
            variables |= given.variables
            addresses += given.addresses
    return Injected(tuple(languages), Environment(variables, addresses))


def _value(of_pod: Mapping[str, str], of_namespace: Mapping[str, str], key: str) -> str:
    """Return the annotation that the operator uses: the pod's, else the namespace's.

    `true` on the pod yields to a name on the namespace.
    """
    value, default = of_pod.get(key, ""), of_namespace.get(key, "")
    yields = not value or (value.lower() == "true" and default.lower() != "false")
    return default if default and yields else value


def _container_problem(annotation: str, containers: Sequence[str], serving: int) -> str:
    """Say that the operator does not inject into the container that serves; "": it does.

    It injects into the containers that the annotation lists, else into the first.
    """
    targets = [part.strip() for part in annotation.split(",")] if annotation else containers[:1]
    if containers[serving] in targets:
        return ""
    present = [name for name in targets if name in containers]
    if not present:
        return f"{', '.join(targets)} is no container of these pods, so nothing is injected"
    return (
        f"the operator injects into {', '.join(present)}, and {containers[serving]} serves; name it"
        f" in {_PREFIX}/container-names"
    )


def _instrumentation(
    manifests: Manifests, namespace: str, requested: str
) -> kinds.InstrumentationSpec | str:
    """Return the Instrumentation that is requested, or what is wrong where not exactly one fits.

    A request is true, NAME or NAMESPACE/NAME.
    """
    other, _, name = requested.rpartition("/")
    wanted = other or namespace
    anywhere = [
        body
        for _, body in manifests.of(kinds.Instrumentation)
        if name.lower() == "true" or name == body.metadata.name
    ]
    fitting = [body for body in anywhere if body.metadata.namespace == wanted]
    if len(fitting) == 1:
        return fitting[0].spec
    hint = "".join(f"; write {one.metadata.namespace}/{one.metadata.name}" for one in anywhere)
    return (
        f'"{requested}" matches {len(fitting)} Instrumentation resources in namespace {wanted};'
        f" the operator injects only where exactly one fits{hint if len(anywhere) == 1 else ''}"
    )


def _settings(spec: kinds.InstrumentationSpec) -> dict[str, str]:
    """Return the variables that the operator sets from an Instrumentation's own fields."""
    settings = {
        "OTEL_PROPAGATORS": ",".join(spec.propagators),
        "OTEL_TRACES_SAMPLER": spec.sampler.type,
        "OTEL_TRACES_SAMPLER_ARG": spec.sampler.argument if spec.sampler.type else "",
    }
    return {name: value for name, value in settings.items() if value}


def warn_of_ignored(
    resource: Resource,
    metadata: kinds.Metadata,
    of_pods: Mapping[str, str],
    diagnostics: Diagnostics,
) -> None:
    """Warn of annotations that the operator ignores: on a workload, or with a typing error."""
    for key, value in metadata.annotations.items():
        if key.startswith(INJECT) and value.lower() != "false" and key not in of_pods:
            message = (
                f"stands on the {resource.kind} and not on its pods, so nothing is injected; move"
                f" it to {_FIELD}"
            )
            diagnostics.warn(resource.finding("injection", f"metadata.annotations[{key}]", message))
    for key in (*metadata.annotations, *of_pods):
        if "instrumentation" in key.lower() and key not in _KNOWN:
            for close in get_close_matches(key, _KNOWN, 1, 0.9):
                message = f"is no annotation of the operator; did you mean {close}?"
                diagnostics.warn(resource.finding("injection", f"{_FIELD}[{key}]", message))
