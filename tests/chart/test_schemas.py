"""Everything that the chart renders matches its schema, without unknown fields."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.chart.rendering import (
    CHART,
    EXAMPLES,
    ISTIO,
    ROOT,
    VARIANTS,
    Resource,
    Values,
    of_kind,
    render,
)

CRDS = Path(os.environ.get("CRDS", ROOT / ".." / "shared" / "crds"))
OLDEST = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"].strip(">=").split("-")[0]
NEWEST = kubernetes_validate.latest_version()
# It reads all of Kubernetes' definitions for each resource: most of its time.
kubernetes_validate.utils.schema_contents = functools.cache(
    kubernetes_validate.utils.schema_contents
)
CORE = ("v1", "apps/v1", "autoscaling/v2", "networking.k8s.io/v1", "policy/v1")
ALL: dict[str, Values] = VARIANTS | {
    name: yaml.safe_load(path.read_text()) for name, path in EXAMPLES.items()
}
ALL["other-languages-istio"] = ALL["other-languages"] | ISTIO


@pytest.mark.parametrize("values", ALL.values(), ids=ALL)
def test_core_resources(values: Values) -> None:
    for resource in map(json.dumps, render(values)):
        validate(resource, OLDEST)
        validate(resource, NEWEST)


@pytest.mark.parametrize("name", ["istio-everything", "lane-everything", "http-route-entry-rules"])
def test_every_kubernetes_gets_the_same(name: str) -> None:
    assert render(ALL[name], "--kube-version", OLDEST) == render(ALL[name])


def test_a_prestop_hook_needs_a_kubernetes_that_sleeps() -> None:
    resource = of_kind(
        render({"defaults": {"sample": False, "drain": 5, "image": {"repository": "shop"}}}),
        "Deployment",
    )["mocka-v1"]
    validate(json.dumps(resource), "1.30")
    with pytest.raises(kubernetes_validate.ValidationError, match="sleep"):
        validate(json.dumps(resource), "1.27")


@functools.cache
def validate(resource: str, kubernetes: str) -> None:
    """Validate a core resource, once for all values that render it."""
    if json.loads(resource)["apiVersion"] in CORE:
        kubernetes_validate.validate(json.loads(resource), kubernetes, strict=True)


@pytest.mark.parametrize("values", ALL.values(), ids=ALL)
def test_custom_resources(values: Values) -> None:
    if not CRDS.is_dir():
        pytest.skip(f"published CRDs are neither in {CRDS} nor where CRDS=DIR points")
    asm = values.get("mesh", {}).get("provider", "asm") == "asm"
    for resource in render(values):
        if resource["apiVersion"] in CORE:
            continue
        if resource["kind"] == "ASMHeaderPropagation":  # no schema is published
            assert resource["spec"].keys() == {"headers"}
            continue
        if resource["kind"] == "ReferenceGrant":
            assert resource["spec"].keys() == {"from", "to"}
            continue
        errors = [error.message for error in validator(resource, asm).iter_errors(resource)]
        assert not errors, f"{resource['kind']} {resource['metadata']['name']}: {errors}"


def test_a_field_that_a_crd_does_not_know_is_refused() -> None:
    if not CRDS.is_dir():
        pytest.skip(f"published CRDs are neither in {CRDS} nor where CRDS=DIR points")
    resource = next(item for item in render() if item["kind"] == "VirtualService")
    check = validator(resource, asm=False)
    assert "fallback" in str([error.message for error in check.iter_errors(resource)])


def validator(resource: Resource, asm: bool) -> jsonschema.Draft202012Validator:
    """Return the validator for a custom resource, of the mesh that it goes to."""
    group, _, version = resource["apiVersion"].partition("/")
    istio = group.endswith(".istio.io")
    file = ("asm.yaml" if asm else "istio.yaml") if istio else None
    return schemas(file)[(group, version, resource["kind"])]


@functools.cache
def schemas(only: str | None) -> dict[tuple[str, str, str], jsonschema.Draft202012Validator]:
    """Return the closed schemas of a file, or of all files but the meshes'."""
    paths = (
        [CRDS / only]
        if only
        else set(CRDS.glob("*.yaml")) - {CRDS / "asm.yaml", CRDS / "istio.yaml"}
    )
    found = {}
    for path in paths:
        for crd in yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            for version in crd["spec"]["versions"] if crd else []:
                key = (crd["spec"]["group"], version["name"], crd["spec"]["names"]["kind"])
                schema = version["schema"]["openAPIV3Schema"]
                schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
                close(schema)
                found[key] = jsonschema.Draft202012Validator(schema)
    return found


def close(schema: dict[str, Any]) -> None:
    """Let an object have no property beyond those listed, as the API server's pruning would."""
    inner = [*schema.get("properties", {}).values()]
    inner += [
        schema[key]
        for key in ("items", "additionalProperties")
        if isinstance(schema.get(key), dict)
    ]
    for each in inner:
        close(each)
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("properties") and not is_open:
        schema["additionalProperties"] = False
