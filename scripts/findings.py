"""Run kube-score, istioctl analyze and helm lint --strict on all rendered manifests.

usage: python -m scripts.findings

Prints the findings that docs/findings.md does not accept with a reason, and the page's rows that
accept no finding. Exit codes: 0 neither, 1 some, 2 wrong usage, 3 a tool is not available here.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import golang, istiod

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "findings.md"
CHART = ROOT / "helm" / "traffic-lanes"
KUBE_SCORE = ("github.com/zegl/kube-score", "cmd/kube-score", "v1.20.0")
ISTIOCTL = (istiod.MODULE, "istioctl/cmd/istioctl", istiod.VERSION)
FINE = 10  # kube-score's best grade


class ToolError(Exception):
    """A tool that failed, with its last line of output."""


@dataclass(frozen=True)
class Finding:
    """A tool's finding about one object. `where` is the manifests' path from the root."""

    tool: str
    code: str
    where: str
    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.about}: {self.message} ({self.tool}: {self.code})"


@dataclass(frozen=True)
class Accepted:
    """A row of the page: a finding that is accepted in manifests whose paths begin with a place."""

    tool: str
    code: str
    places: tuple[str, ...]

    def covers(self, finding: Finding) -> bool:
        """Tell whether the row accepts the finding."""
        return (finding.tool, finding.code) == (self.tool, self.code) and any(
            place == "everywhere" or finding.where.startswith(place) for place in self.places
        )


def main(arguments: list[str]) -> int:
    """Print the findings and rows that do not match; return the exit code."""
    if arguments:
        print("usage: python -m scripts.findings", file=sys.stderr)
        return 2
    try:
        found = list(findings(golang.bring(*KUBE_SCORE), golang.bring(*ISTIOCTL)))
    except (golang.GoError, ToolError, OSError) as error:
        print(f"findings: {error}", file=sys.stderr)
        return getattr(error, "code", 1)
    rows = accepted(PAGE.read_text(encoding="utf-8"))
    left = [finding for finding in found if not any(row.covers(finding) for row in rows)]
    idle = [row for row in rows if not any(row.covers(finding) for finding in found)]
    for finding in left:
        print(finding)
    for row in idle:
        print(f"docs/findings.md: nothing is passed over by {row.tool}: {row.code}")
    if not left and not idle:
        print(f"{len(found)} findings, all passed over by docs/findings.md")
    return 1 if left or idle else 0


def accepted(page: str) -> list[Accepted]:
    """Read the rows of the page's tables: tool, finding, where, why."""
    rows = re.findall(r"^\| ([^|]+) \| `([^|`]+)` \| ([^|]+) \| [^|]+ \|$", page, flags=re.M)
    return [
        Accepted(tool, code, tuple(place.strip(" `") for place in places.split(",")))
        for tool, code, places in rows
    ]


def findings(kube_score: Path, istioctl: Path) -> Iterator[Finding]:
    """Yield the findings in all manifests, and in the chart with each example's values."""
    sets = manifests()
    with ThreadPoolExecutor() as pool:
        yield from (each for said in pool.map(linted, examples()) for each in said)
        for check, tool in ((scored, kube_score), (analyzed, istioctl)):
            said = pool.map(lambda item, c=check, t=tool: list(c(t, *item)), sets.items())
            yield from (each for one in said for each in one)


def manifests() -> dict[str, list[Path]]:
    """Return the rendered files that are applied together, by their common path."""
    sets = {f"k8s/{each.name}": sorted(each.glob("*.yaml")) for each in (ROOT / "k8s").iterdir()}
    for pattern in ("*/rendered.yaml", "*/rendered/*.yaml"):
        for file in sorted((ROOT / "examples").glob(pattern)):
            sets[file.relative_to(ROOT).as_posix()] = [file]
    return sets


def examples() -> list[tuple[Path, ...]]:
    """Return the values files of each installation."""
    layered = [
        (base,) if own == base else (base, own)
        for base in (ROOT / "examples").glob("*/values/base.yaml")
        for own in base.parent.glob("*.yaml")
    ]
    return [(), *((file,) for file in (ROOT / "examples").glob("*/values.yaml")), *layered]


def linted(values: tuple[Path, ...]) -> list[Finding]:
    """Return the findings of `helm lint --strict` in the chart with these values."""
    command: list[str | Path] = [Path(sys.executable).with_name("helm"), "lint", "--strict", CHART]
    for file in values:
        command += ["--values", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    where = values[-1].relative_to(ROOT).as_posix() if values else "helm/traffic-lanes"
    said = re.findall(r"^\[(WARNING|ERROR|INFO)\] (\S*): (.*)$", done.stdout, flags=re.M)
    if done.returncode != 0 and not said:
        raise ToolError(f"helm lint: {golang.last_line(done.stderr)}")
    return [Finding("helm lint", level, where, file, message) for level, file, message in said]


def scored(tool: Path, where: str, files: list[Path]) -> Iterator[Finding]:
    """Yield the checks of kube-score that do not get the best grade."""
    for scored_object in answer([tool, "score", "--output-format", "json", *files]):
        for check in scored_object["checks"]:
            if check["skipped"] or check["grade"] == FINE:
                continue
            about = scored_object["object_name"]
            for comment in check["comments"] or [{"path": "", "summary": check["check"]["name"]}]:
                message = f"{comment['path']} {comment['summary']}".strip()
                yield Finding("kube-score", check["check"]["id"], where, about, message)


def analyzed(tool: Path, where: str, files: list[Path]) -> Iterator[Finding]:
    """Yield the messages of Istio's own analysis, without a cluster."""
    for said in answer([tool, "analyze", "--use-kube=false", "--output", "json", *files]):
        yield Finding("istioctl", said["code"], where, said.get("origin", ""), said["message"])


def answer(command: list[str | Path]) -> list[dict[str, Any]]:
    """Return the list that a tool prints as JSON, whatever its exit code."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"{command[0]}: {golang.last_line(done.stderr)}") from error
    return said or []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
