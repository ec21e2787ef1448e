"""What `lanes init` writes is rendered by the chart for each provider, and planned."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lanes.cli import main
from tests.chart.rendering import CHART, ROOT, helm
from tests.unit.lanes.test_init import BOUTIQUE, SOCKS, SOCKS_CALLS, patched

APPLICATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "boutique": (BOUTIQUE, ()),
    "socks": (SOCKS, tuple(f"--calls={calls}" for calls in SOCKS_CALLS)),
}
PROVIDERS = ("asm", "istio", "gateway-api")


def planned(
    tmp_path: Path, application: str, calls: tuple[str, ...], *options: str, beside: tuple[str, ...]
) -> dict[str, str]:
    """Return the version that answers the only lane at each service of the values."""
    values = tmp_path / "values.yaml"
    written = ["init", application, *calls, *options, "--output", str(values), "--force"]
    done = CliRunner().invoke(main, written)
    assert done.exit_code == 0, done.output
    rendered = helm("template", "demo", str(CHART), "--skip-tests", f"--values={values}")
    assert rendered.returncode == 0, rendered.stderr
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(rendered.stdout)
    command = [sys.executable, "-m", "lanes", "plan", str(manifests), *beside, *calls]
    plan = subprocess.run(
        [*command, "--format=json"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert plan.returncode == 0, plan.stderr
    (lane,) = json.loads(plan.stdout)["lanes"]
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
    done = CliRunner().invoke(main, ["init", file, *calls, *options, "--patches", str(patches)])
    assert done.exit_code == 0, done.output
    made = patched(file, patches)
    found = planned(tmp_path, file, calls, *options, beside=(made,))
    # Pods of a service with one version need no label, and none tells the plan their version.
    assert set(found.values()) == ({"v1"} if provider == "gateway-api" else {""})
    assert len(found) == (10 if application == "boutique" else 7)
