"""helm lint: installable values pass, and others fail with a sentence and no trace.

Unlike `helm template`, it goes on after a template that fails.
"""

import subprocess

import pytest

from tests.chart.mistakes import Cases, as_one, batches, differences, first_and_count
from tests.chart.rendering import CHART, EXAMPLES, GATEWAY_API, ROOT, VARIANTS, Values, helm
from tests.chart.test_values import ILL_FITTING, MISTYPED

PULL_REQUESTS = ROOT / "examples" / "pull-requests" / "values"
LAYERS = {name: [path] for name, path in EXAMPLES.items()} | {
    path.stem: [PULL_REQUESTS / "base.yaml", path] for path in PULL_REQUESTS.glob("*.yaml")
}
NULLS: dict[str, Values] = {
    "one lane": {"lanes": {"weights": {"v1": 70, "v3": None}}},
    "two lanes": {"lanes": {"weights": {"v1": 100, "v2": None, "v3": None}}},
    "the first service": {"services": {"mocka": None}},
    "the last service": {"services": {"mockc": None, "mockb": {"upstreams": []}}},
    "a version": {"services": {"mockb": {"versions": {"v3": None}}}},
    "a probe": {"defaults": {"container": {"readinessProbe": None}}},
}


def lint(*options: str, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    done = helm("lint", "--strict", str(CHART), "--values", "-", *options, values=values)
    for trace in ("error calling", "executing", "nil pointer", ".tpl"):
        assert trace not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("values", [*VARIANTS.values(), *NULLS.values()], ids=[*VARIANTS, *NULLS])
def test_what_installs_passes(values: Values) -> None:
    done = lint(values=values)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_an_example_passes(layers: list[str]) -> None:
    done = lint(*(f"--values={layer}" for layer in layers))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("provider", ["asm", "istio", "gateway-api"])
def test_each_provider_passes_or_says_what_it_lacks(provider: str) -> None:
    done = lint("--set", f"mesh.provider={provider}")
    lacks = provider == "gateway-api"
    assert done.returncode == lacks
    assert ("mesh.provider gateway-api needs a Gateway. Name one" in done.stdout) is lacks
    assert lint(f"--set=mesh.provider={provider}", values=GATEWAY_API).returncode == (
        provider == "asm"
    )


# helm lint's release has another name.
ALIKE = {name: case for name, case in ILL_FITTING.items() if name != "service named as the gateway"}


@pytest.mark.parametrize("batch", batches(ALIKE), ids=first_and_count)
def test_values_that_do_not_fit_fail_by_their_sentence(batch: Cases) -> None:
    values, sentences = as_one(batch)
    done = lint(values=values)
    assert done.returncode == 1
    assert [one for one in sentences if one.replace('"', '\\"') not in done.stdout] == []
    assert done.stdout.count("[ERROR]") == 1


def test_the_schema_says_the_same_to_lint() -> None:
    values, sentences = as_one(batches(MISTYPED)[1])
    done = lint(values=values)
    assert done.returncode == 1
    wrong = differences(done.stdout, sentences)
    assert not wrong, wrong
