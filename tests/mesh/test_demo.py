"""The output of `lanes demo`, and README's copy of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from lanes.running.address import free_port
from tests.kube import HALVES, PAIR, asm, istio, write
from tests.mesh.running import ROOT

PART = r"-> mock[abc]\(version: v\d, ip: 127\.0\.\d+\.\d+\)"


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lanes", "demo", "--port", str(free_port()), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shape(output: str) -> str:
    """Return the output without the parts that vary by chance or machine."""
    output = re.sub(rf"({PART}){{3}}", "CHAIN", output)
    output = re.sub(r"http://127\.0\.0\.1:\d+/", "GATEWAY", output)
    output = re.sub(r"\d+\.\d s", "SECONDS", output)
    output = re.sub(r"\d+ requests meanwhile", "N requests meanwhile", output)
    output = re.sub(r" +\d+ \(\d+%\) +\d+% to \d+% +\d+ as planned", " AS PLANNED", output)
    return re.sub(r" +seen +interval +paths", " HEADER", output)


def test_the_readme_shows_what_the_demo_prints() -> None:
    result = demo()
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition("$ make demo\n")[2].partition("```")[0]
    assert shape(result.stdout) == shape(shown)


def test_the_demo_prints_the_same_for_istio(tmp_path: Path) -> None:
    manifests = write(tmp_path, *istio(PAIR, HALVES))
    result = demo(manifests, "--requests", "60")
    assert result.returncode == 0, result.stdout + result.stderr
    # Of a path that is too long for the line, the file's name is there.
    assert re.search(r"2 lanes from \S*mesh\.yaml \(istio\)\n", result.stdout)
    assert "lane v2: 60 of 60 answered by mocka v2, mockb v1 *" in result.stdout
    assert result.stdout.endswith("Lanes hold.\n")


def test_the_demo_stops_no_pod_if_no_answer_names_its_lane(tmp_path: Path) -> None:
    documents = asm(PAIR, HALVES)
    for document in documents:
        if document["kind"] == "Deployment":
            env = document["spec"]["template"]["spec"]["containers"][0]["env"]
            env.append({"name": "lane_header", "value": "color"})
    result = demo(write(tmp_path, *documents), "--requests", "40")
    assert "stopping no pod: no answer says which lane it was in" in result.stdout
    assert result.returncode == 0, result.stdout + result.stderr
