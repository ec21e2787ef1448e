"""k8s/ and the examples are up to date, and have the guide's file names."""

import functools
import itertools
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from scripts import manifests, values_schema, values_table
from tests.chart.rendering import CHART, ROOT, parse

GUIDE = [
    "instrumentation.yaml",
    "mock.yaml",
    "dr-mock.yaml",
    "propagation.yaml",
    "vs-mock.yaml",
    "gw-mock.yaml",
]
PROVIDERS = {path.stem.removeprefix("_") for path in CHART.glob("templates/providers/_*.tpl")} - {
    "provider"
}


def test_nothing_drifts() -> None:
    assert manifests.drift(manifests.render_all()) == "", "run: make manifests"


@pytest.mark.parametrize(
    ("provider", "files"),
    [("asm", GUIDE), ("istio", [name for name in GUIDE if name != "propagation.yaml"])],
)
def test_files_are_the_guides(provider: str, files: list[str]) -> None:
    assert {path.name for path in (ROOT / "k8s" / provider).iterdir()} == set(files)
    kinds = [
        {item["kind"] for item in parse((ROOT / "k8s" / provider / name).read_text())}
        for name in files
    ]
    expected = [
        {"Instrumentation"},
        {"ServiceAccount", "Service", "NetworkPolicy", "Deployment"},
        {"DestinationRule"},
        {"ASMHeaderPropagation"},
        {"VirtualService"},
        {"Gateway", "VirtualService"},
    ]
    assert kinds == [kind for kind, name in zip(expected, GUIDE, strict=True) if name in files]


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("k8s/*/*.yaml")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_files_are_ones_that_a_person_would_write(path: Path) -> None:
    text = path.read_text()
    assert "elm.sh/" not in text
    assert "managed-by" not in text
    assert "# Source" not in text
    assert "\n\n" not in text
    assert not any(line != line.rstrip() for line in text.splitlines())
    names = [(item["kind"], item["metadata"]["name"]) for item in parse(text)]
    assert len(names) == len(set(names))


def test_the_pods_of_a_service_stand_below_it() -> None:
    resources = parse((ROOT / "k8s/asm/mock.yaml").read_text())
    apps = [item["metadata"]["labels"]["app"] for item in resources]
    assert apps == sorted(apps)
    assert [item["kind"] for item in resources[:4]] == [
        "Service",
        "ServiceAccount",
        "NetworkPolicy",
        "Deployment",
    ]


@pytest.mark.parametrize("made", [values_table, values_schema])
def test_readme_and_schema_of_the_chart_say_what_its_values_say(made: ModuleType) -> None:
    assert made.main(["--check"]) == 0


def test_check_shows_drift_and_write_fixes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("k8s", "examples/guide", "examples/own-services"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.setattr(manifests, "helm_template", functools.cache(manifests.helm_template))
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.setattr(manifests, "EXAMPLES", tmp_path / "examples")
    assert manifests.main(["--check"]) == 0
    gateway = tmp_path / "k8s/asm/gw-mock.yaml"
    gateway.write_text(gateway.read_text().replace("weight: 40", "weight: 50"))
    (tmp_path / "k8s/asm/old.yaml").write_text("kind: Old\n")
    assert manifests.main(["--check"]) == 1
    shown = capsys.readouterr().out
    assert "-          weight: 50\n+          weight: 40\n" in shown
    assert "-kind: Old\n" in shown
    assert manifests.main([]) == 0
    assert manifests.main(["--check"]) == 0
    assert not (tmp_path / "k8s/asm/old.yaml").exists()


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert manifests.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


def test_operator_values_hold_the_guides_images() -> None:
    text = (ROOT / "helm/opentelemetry-operator/values-asm.yaml").read_text()
    (values,) = parse(text)
    images = values["manager"]["autoInstrumentationImage"]
    assert images["python"]["tag"] == "0.44b0"
    assert values["manager"]["image"]["tag"] == "0.92.1"
    assert "--version 0.46.0" in text


@pytest.mark.parametrize("name", ["asm", "upstream"])
def test_pods_with_lanes_wait_for_the_operator_and_no_others(name: str) -> None:
    """Keys of the Operator's charts 0.46.0 and 0.122.0 alike."""
    text = (ROOT / f"helm/opentelemetry-operator/values-{name}.yaml").read_text()
    (values,) = parse(text)
    assert values["admissionWebhooks"] == {
        "certManager": {"enabled": False},
        "autoGenerateCert": {"enabled": True},
        "pods": {"failurePolicy": "Fail"},
        "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
    }
    assert "--wait --values" in text


def test_security_names_the_versions_that_the_guide_injects() -> None:
    (values,) = parse((ROOT / "helm/opentelemetry-operator/values-asm.yaml").read_text())
    images = values["manager"]["autoInstrumentationImage"]
    names = {"java": "Java agent", "nodejs": "Node.js", "dotnet": ".NET", "python": "Python"}
    security = (ROOT / "SECURITY.md").read_text()
    for language, name in names.items():
        assert f"{name} {images[language]['tag']}" in security


def test_templates_are_read_without_scrolling_aside() -> None:
    long = [
        f"{path.relative_to(CHART)}:{number}"
        for path in sorted(CHART.glob("templates/**/*.*"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert not long


def test_every_helper_says_how_it_is_used() -> None:
    interface = (CHART / "templates/providers/_provider.tpl").read_text()
    bare = [
        helper
        for path in sorted(CHART.glob("templates/**/*.*"))
        for comment, helper in re.findall(
            r"(?:\{\{/\*((?:(?!\*/).)*)\*/\}\}\n)?\{\{- define \"(traffic-lanes\.[\w.-]+)\"",
            path.read_text(),
            flags=re.DOTALL,
        )
        if f'Usage: {{{{ include "{helper}" ' not in comment
        if re.sub(rf"({'|'.join(PROVIDERS)})\.", "P.", helper) + " " not in interface
    ]
    assert not bare


def test_a_provider_is_a_file_and_both_lists_name_it() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    interface = (CHART / "templates/providers/_provider.tpl").read_text()
    (listed,) = re.findall(r"traffic-lanes\.providers\" -\}\}\n(.*)\n", interface)
    assert set(json.loads(listed)) == PROVIDERS
    assert set(schema["properties"]["mesh"]["properties"]["provider"]["enum"]) == PROVIDERS


def test_every_value_has_a_line_above_it() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if line and not line.startswith((" ", "#")) and not before.startswith("#") and before
    ]
    assert not bare
