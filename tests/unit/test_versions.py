"""A version is pinned in one place, and pages name the pinned version."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lanes import __version__
from scripts import helm, istiod
from tests.markdown import README, ROOT, read

LANGUAGES = ROOT / "tests/languages"


def locked(name: str, package: str) -> str:
    """Return the version of a Python package in requirements/NAME.txt."""
    return found(ROOT / f"requirements/{name}.txt", rf"^{re.escape(package)}==(\S+)")


def found(file: Path, expression: str) -> str:
    match = re.search(expression, read(file), re.MULTILINE)
    assert match, f"{file.name}: no {expression}"
    return match[1]


def short(version: str) -> str:
    """Return the first two numbers."""
    return ".".join(version.split(".")[:2])


def operator(name: str) -> dict[str, Any]:
    """Return the Operator's chart version and image tags in a values file."""
    file = ROOT / f"helm/opentelemetry-operator/values-{name}.yaml"
    manager = yaml.safe_load(read(file))["manager"]
    images = manager["autoInstrumentationImage"]
    return {
        "chart": found(file, r"--version (\S+)"),
        **{language: str(image["tag"]) for language, image in images.items()},
    }


GUIDE, UPSTREAM = operator("asm"), operator("upstream")
NODE = json.loads(read(LANGUAGES / "node/package.json"))["dependencies"]
AGENT = found(LANGUAGES / "java/agent.sha256", r"javaagent-(.*)\.jar")
GO = found(LANGUAGES / "go/go.mod", r"^go (\S+)")
OTELHTTP = found(LANGUAGES / "go/go.mod", r"otelhttp v(\S+)")
OTELGRPC = found(LANGUAGES / "go-grpc/go.mod", r"otelgrpc v(\S+)")
GRPC_GO = found(LANGUAGES / "go-grpc/go.mod", r"google\.golang\.org/grpc v(\S+)")
DISTRO = locked("service", "opentelemetry-distro")
OLDEST_GUNICORN = found(ROOT / "pyproject.toml", r'"gunicorn>=(\d+),')
OLDEST_HELM = f"Helm {'.'.join(map(str, helm.OLDEST))} or later"
OLDEST_KUBERNETES = found(ROOT / "helm/traffic-lanes/Chart.yaml", r'^kubeVersion: ">=(\d+\.\d+)')
OLDEST_ISTIO = found(
    ROOT / "helm/traffic-lanes/templates/providers/_istio.tpl", r"has no (Istio \S+ or later)"
)
OLDEST_ASM = found(ROOT / "helm/traffic-lanes/values.yaml", r"Service Mesh (\S+ or later)")
PYTHON = found(ROOT / "Dockerfile", r"^ARG BASE=\S+/python:(\d+\.\d+)-")

SAID = {
    "README.md": [OLDEST_ISTIO, OLDEST_ASM, f"Version {__version__}"],
    "docs/asm.md": [OLDEST_HELM, f"--version {GUIDE['chart']}", f"injected {GUIDE['python']}`"],
    "docs/istio.md": [
        OLDEST_HELM,
        OLDEST_ISTIO,
        f"`{istiod.VERSION}`",
        f"--version {UPSTREAM['chart']}",
        f"the guide's version {GUIDE['chart']}",
        f"agent in the guide's images is {GUIDE['java']}",
        f"`fetch` only under {UPSTREAM['nodejs']}",
        f"{GUIDE['nodejs']} does not instrument `fetch`",
    ],
    "docs/service.md": [
        f"every gunicorn release from {OLDEST_GUNICORN}.0.0 to {locked('service', 'gunicorn')}",
        f'"own {DISTRO}"',
        f"`injected {GUIDE['python']}`",
        f"| {UPSTREAM['python']} to {DISTRO} |",
        f"Python is {PYTHON}",
    ],
    "docs/your-service.md": [
        f"Java agent {AGENT}",
        f"auto-instrumentations-node` {NODE['@opentelemetry/auto-instrumentations-node']}",
        f"Express {short(NODE['express'])}",
        f"axios {short(NODE['axios'])}",
        f"image, {GUIDE['nodejs']} or {UPSTREAM['nodejs']}",
        f"Go {short(GO)}",
        f"`otelhttp` {short(OTELHTTP)}",
        f"grpc-go {short(GRPC_GO)}",
        f"`otelgrpc` {short(OTELGRPC)}",
        f"grpc-js {short(NODE['@grpc/grpc-js'])}",
        f"grpcio {short(locked('languages', 'grpcio'))}",
        f"FastAPI {short(locked('languages', 'fastapi'))}",
        f"httpx {short(locked('languages', 'httpx'))}",
        f"aiohttp {short(locked('languages', 'aiohttp'))}",
        f"`opentelemetry-instrument`, {locked('languages', 'opentelemetry-distro')}",
    ],
    "helm/traffic-lanes/README.md": [OLDEST_HELM, f"Kubernetes {OLDEST_KUBERNETES} or later"],
    "helm/traffic-lanes/Chart.yaml": [
        f"\nversion: {__version__}\n",
        f"\nappVersion: {__version__}\n",
    ],
    "pyproject.toml": [f'\nversion = "{__version__}"\n'],
    ".github/workflows/ci.yaml": [f"traffic-lanes:{__version__}\n"],
}


@pytest.mark.parametrize("page", SAID)
def test_what_a_page_says_of_a_version_is_what_is_pinned(page: str) -> None:
    text = read(ROOT / page)
    assert [words for words in SAID[page] if words not in text] == []


def test_an_image_of_ours_has_the_version_of_the_project() -> None:
    for page in (README, *sorted((ROOT / "docs").glob("*.md"))):
        for version in re.findall(r"traffic-lanes(?:-demo)?:(\d[\w.]*)", read(page)):
            assert version == __version__, page.name


def test_each_list_has_the_same_version_of_a_package() -> None:
    """But for those of tools that stand in a place of their own."""
    versions: dict[str, set[str]] = {}
    for name in ("service", "cli", "mesh", "dev", "browser"):
        text = read(ROOT / f"requirements/{name}.txt")
        for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE):
            versions.setdefault(package, set()).add(version)
    assert [package for package, several in versions.items() if len(several) > 1] == []
