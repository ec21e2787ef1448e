"""Online Boutique by docs/online-boutique.md: adopted, and with a lane for a pull request."""

from pathlib import Path

from click.testing import CliRunner

from lanes.cli import main
from lanes.lint.check import lint
from lanes.planning.plan import plan
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_each, send_repeatedly
from lanes.verification.targets import entry_targets
from lanes.verification.verdict import verify
from tests.mesh.running import ROOT, ask, running, versions

EXAMPLE = ROOT / "examples" / "online-boutique"
CATALOG = "productcatalogservice"


def test_the_base_is_what_init_makes_of_the_manifests(tmp_path: Path) -> None:
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


def test_a_lane_for_a_pull_request_holds_over_ten_services() -> None:
    with running(str(EXAMPLE / "rendered")) as mesh:
        planned = plan(mesh.mesh)
        client = Gateway(mesh.url).client()
        calls = entry_targets(planned, planned.enterable, 20)
        verdict = verify(planned, send_repeatedly(client, 20, 4), send_each(client, calls, 4))
        assert verdict.ok, (verdict.unexpected, verdict.hints)
        entered, _ = ask(mesh, [("x-lane", "pr-7")])
        other, _ = ask(mesh)
    assert {one for one in versions(entered) if one.startswith(CATALOG)} == {f"{CATALOG} pr-7"}
    assert {one.rpartition(" ")[2] for one in versions(other)} == {"v1"}
    assert len({step.service for step in other.path}) == 10
