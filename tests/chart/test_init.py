"""The values that `lanes init` writes render for each provider, and are planned."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lanes.cli import main
from tests.chart.rendering import CHART, helm
from tests.unit.lanes.test_init import BOUTIQUE, SOCKS, SOCKS_CALLS, patched

APPLICATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "boutique": (BOUTIQUE, ()),
    "socks": (SOCKS, tuple(f"--calls={calls}" for calls in SOCKS_CALLS)),
}
PROVIDERS = ("asm", "istio", "gateway-api")


def lanes(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def planned(
    tmp_path: Path, application: str, calls: tuple[str, ...], *options: str, beside: tuple[str, ...]
) -> dict[str, str]:
    """Return the version that answers the only lane at each service of the values."""
    values = tmp_path / "values.yaml"
    lanes("init", application, *calls, *options, "--output", str(values), "--force")
    rendered = helm("template", "demo", str(CHART), "--skip-tests", f"--values={values}")
    assert rendered.returncode == 0, rendered.stderr
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(rendered.stdout)
    plan = lanes("plan", str(manifests), *beside, *calls, "--format=json")
    (lane,) = json.loads(plan)["lanes"]
    services = yaml.safe_load(values.read_text())["services"]
    # The entry may be called by the Service of its version.
    named = ((hop["service"].removesuffix("-v1"), hop["version"]) for hop in lane["path"])
    return {service: version for service, version in named if service in services}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_values_render_and_are_planned(tmp_path: Path, application: str, provider: str) -> None:
    file, calls = APPLICATIONS[application]
    found = planned(tmp_path, file, calls, f"--provider={provider}", beside=())
    assert set(found.values()) == {"v1"}
    assert len(found) == (10 if application == "boutique" else 7)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl has Kustomize")
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_so_are_routes_to_what_the_team_has(
    tmp_path: Path, application: str, provider: str
) -> None:
    file, calls = APPLICATIONS[application]
    options = (f"--provider={provider}", "--routing-only")
    patches = tmp_path / "patches.yaml"
    lanes("init", file, *calls, *options, "--patches", str(patches))
    made = patched(file, patches)
    found = planned(tmp_path, file, calls, *options, beside=(made,))
    # Pods of a service with one version need no label, and none tells the plan their version.
    assert set(found.values()) == ({"v1"} if provider == "gateway-api" else {""})
    assert len(found) == (10 if application == "boutique" else 7)
