"""Pods that request instrumentation, and get none."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule
from lanes.lint.workloads import Workload
from lanes.reading import kinds
from lanes.reading.instrumentation import LANGUAGES

_GROUP = "instrumentation.opentelemetry.io"
_INJECT = f"{_GROUP}/inject-"
_NAMES = "container-names"
_KNOWN = (*LANGUAGES, "apache-httpd", "nginx")
_ALIKE = 0.8


def check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        annotations = workload.template.metadata.annotations
        if workload.path:
            yield from _beside(workload, annotations)
        for name in annotations:
            if why := _misspelt(name):
                yield workload.resource, workload.field(f"metadata.annotations.{name}"), why
        yield from _unnamed(workload, annotations)
        yield from _unknown(facts, workload, annotations)


def _beside(workload: Workload, own: Mapping[str, str]) -> Iterator[Found]:
    """Yield annotations of what makes pods, which the pods do not have."""
    metadata = getattr(workload.resource.body, "metadata", None)
    for name in metadata.annotations if isinstance(metadata, kinds.Metadata) else ():
        if name.startswith(_INJECT) and name not in own:
            yield (
                workload.resource,
                f"metadata.annotations.{name}",
                f"the operator reads annotations of pods, not of a {workload.resource.kind}, and"
                " injects nothing; move this to spec.template.metadata.annotations",
            )


def _misspelt(name: str) -> str:
    """Return what is wrong with an annotation's name; "" for nothing."""
    group, _, asked = name.partition("/")
    language = asked.removeprefix("inject-")
    if not asked.startswith("inject-"):
        return ""
    if group != _GROUP:
        near = get_close_matches(group, [_GROUP], 1, _ALIKE)
        return f"the operator does not know this annotation; write {_GROUP}/{asked}" if near else ""
    if language in _KNOWN:
        return ""
    near = get_close_matches(language, _KNOWN, 1, 0)
    return f"the operator injects no {language}; write {_INJECT}{near[0]}"


def _unnamed(workload: Workload, annotations: Mapping[str, str]) -> Iterator[Found]:
    """Yield lists of containers that name one which is not there."""
    there = [one.name for one in workload.template.spec.containers]
    for name, value in annotations.items():
        if name.startswith(f"{_GROUP}/") and name.endswith(_NAMES) and value:
            lacking = [one for part in value.split(",") if (one := part.strip()) not in there]
            if lacking:
                yield (
                    workload.resource,
                    workload.field(f"metadata.annotations.{name}"),
                    f"no container is called {lacking[0]} ({', '.join(there)}), so nothing is"
                    " injected there; name one of these",
                )


def _unknown(facts: Facts, workload: Workload, annotations: Mapping[str, str]) -> Iterator[Found]:
    """Yield requests for an Instrumentation that is not there, or of which there are several."""
    for name, value in annotations.items():
        if not name.startswith(_INJECT) or value.lower() in ("", "false"):
            continue
        elsewhere, _, asked = value.rpartition("/")
        namespace = elsewhere or workload.resource.namespace
        fitting = [
            one
            for one, _ in facts.of(kinds.Instrumentation)
            if one.namespace == namespace and (asked.lower() == "true" or one.name == asked)
        ]
        if len(fitting) != 1 and not _misspelt(name):
            which = "any" if asked.lower() == "true" else asked
            problem = (
                f"namespace {namespace} has {len(fitting)} Instrumentations here, and the operator"
                " injects where there is one; name one of them"
                if fitting
                else f"no Instrumentation of namespace {namespace} is in these manifests ({which});"
                " where the cluster has none either, nothing is injected; add it"
            )
            yield workload.resource, workload.field(f"metadata.annotations.{name}"), problem


RULE = Rule(
    code="TL045",
    name="not-instrumented",
    severity="warning",
    text="""The OpenTelemetry Operator injects an agent into the pods whose own annotations request
it, by a language that it knows, into a container that is there, with the settings of an
Instrumentation in the pods' namespace. Where one of these is missing it injects nothing, and the
lane ends at these pods.""",
    bad="""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
spec:
  template:
    metadata:
      labels: {app: cart, version: v1}
    spec: {containers: [{name: cart}]}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: agents}
spec: {propagators: [tracecontext, baggage]}
""",
    fix=(
        """  annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
spec:
  template:
    metadata:
""",
        """spec:
  template:
    metadata:
      annotations: {instrumentation.opentelemetry.io/inject-java: "true"}
""",
    ),
    check=check,
)
