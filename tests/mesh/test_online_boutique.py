"""The files of Online Boutique: its values come from `lanes init`, and lint finds nothing."""

from pathlib import Path

from click.testing import CliRunner

from lanes.cli import main
from lanes.lint.check import lint
from tests.mesh.running import ROOT

EXAMPLE = ROOT / "examples" / "online-boutique"


def test_init_writes_the_base_of_the_example(tmp_path: Path) -> None:
    made = tmp_path / "base.yaml"
    manifests = "examples/online-boutique/manifests.yaml"
    options = ["--provider", "gateway-api", "--output", str(made)]
    done = CliRunner().invoke(main, ["init", manifests, *options])
    assert done.exit_code == 0, done.output
    assert made.read_text() == (EXAMPLE / "values" / "base.yaml").read_text()


def test_lint_finds_nothing() -> None:
    report = lint([str(EXAMPLE / "rendered")])
    assert not report.findings
    assert not report.unread
