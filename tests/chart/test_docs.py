"""The chart's commands in README and docs/ render, with the values that the pages show."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lanes.cli import main
from tests.chart.rendering import ROOT, helm
from tests.markdown import PAGES, README, commands, fenced, read, shown_file

CHART = "helm/traffic-lanes"
ISTIO = read(ROOT / "docs/istio.md")
ASM = read(ROOT / "docs/asm.md")


def chart_commands(page: Path) -> list[str]:
    """Return a page's commands that install or render the chart, up to a pipe."""
    found = (re.split(r"\s[|>]\s", command)[0] for command in commands(read(page)))
    return [one for one in found if re.match(r"helm .*\b(install|template|upgrade)\b", one)]


def values_named(text: str, name: str) -> str:
    """Return the values that a page calls `name`: made by `lanes init`, an example's, or shown."""
    if made := re.search(rf"lanes init (\S+)(.*) --output {re.escape(name)}", text):
        init = ("init", str(ROOT / made[1]), *made[2].split())
        return CliRunner().invoke(main, init, catch_exceptions=False).stdout
    if name == "base.yaml":
        return read(ROOT / "examples/pull-requests/values/base.yaml")
    return shown_file(text, name)


COMMANDS = [
    (page, command) for page in PAGES for command in chart_commands(page) if CHART in command
]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda value: str(value)[-70:])
def test_a_command_of_the_docs_renders(page: Path, command: str, tmp_path: Path) -> None:
    shown = command.replace("$REPOSITORY", "registry.example.com/traffic-lanes")
    words = shlex.split(shown)
    chart = words.index(CHART)
    kept = [word for word in words[chart + 1 :] if word not in ("--wait", "--install")]
    for place, word in enumerate(kept):
        if kept[place - 1] == "--values" and not (ROOT / word).exists():
            kept[place] = str(tmp_path / word)
            (tmp_path / word).write_text(values_named(read(page), word))
    rendered = helm("template", words[chart - 1], str(ROOT / CHART), *kept)
    assert rendered.returncode == 0, rendered.stderr
    assert "kind: " in rendered.stdout


def test_readme_installs_as_the_page_that_the_cluster_tier_runs() -> None:
    ours = fenced(read(README), "sh")[-1]
    for line in (line.partition("  #")[0].strip() for line in ours.splitlines()):
        assert line in ISTIO


def test_readme_and_the_asm_page_send_requests_as_the_guide_does() -> None:
    loop = re.compile(r"for i in \{1\.\.100\}; do curl http://\S+; echo( '')?; sleep 1; done")
    assert loop.search(read(README))
    assert loop.search(ASM)
