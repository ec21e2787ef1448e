"""Render k8s/ and the examples from the chart, as the guide names and orders the files.

usage: python scripts/manifests.py [--check]

With --check nothing is written: the exit code is 1, and the difference is shown, when a committed
file is not what the chart renders.
"""

import difflib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "traffic-lanes"
EXAMPLES = ROOT / "examples"
RELEASE = "demo"
NAMESPACE = "default"

# The guide's files, in the order in which it applies them, and the templates that each comes from.
FILES = {
    "instrumentation.yaml": ("instrumentation",),
    "mock.yaml": ("service", "serviceaccount", "networkpolicy", "deployment"),
    "dr-mock.yaml": ("destinationrule",),
    "propagation.yaml": ("propagation",),
    "vs-mock.yaml": ("virtualservice",),
    "gw-mock.yaml": ("gateway",),
}
# Those whose lanes need no Gateway that is there before.
PROVIDERS = ("asm", "istio")
# The example that holds for both alike.
ALIKE = "other-languages"

# What only a release has. The manifests are applied by kubectl, which keeps no such books.
HELM_ONLY = re.compile(r"^ *(app\.kubernetes\.io/managed-by: Helm|helm\.sh/chart: .*)\n", re.M)


class RenderError(Exception):
    """What Helm said, or what the chart renders that no file has a place for."""


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0 as rendered, 1 drift or no render, 2 misuse."""
    if arguments not in ([], ["--check"]):
        print("usage: python scripts/manifests.py [--check]", file=sys.stderr)
        return 2
    try:
        wanted = render_all()
    except RenderError as error:
        print(f"manifests.py: {error}", file=sys.stderr)
        return 1
    if not arguments:
        write(wanted)
        return 0
    difference = drift(wanted)
    print(difference, end="")
    return 1 if difference else 0


def render_all() -> dict[Path, str]:
    """Return every rendered file's path and text."""
    files = {}
    for provider in PROVIDERS:
        guide = helm_template(EXAMPLES / "guide" / "values.yaml", f"mesh.provider={provider}")
        for name, text in by_file(guide, "examples/guide/values.yaml").items():
            files[ROOT / "k8s" / provider / name] = text
    for values in sorted(EXAMPLES.glob("*/values.yaml")):
        origin = f"examples/{values.parent.name}/values.yaml"
        if values.parent.name == ALIKE:
            for provider in PROVIDERS:
                rendered = helm_template(values, f"mesh.provider={provider}")
                place = values.with_name("rendered") / f"{provider}.yaml"
                files[place] = join([text for _, text in split(rendered)], origin)
        elif values.parent.name != "guide":  # the guide's are those in k8s/
            documents = [text for _, text in split(helm_template(values))]
            files[values.with_name("rendered.yaml")] = join(documents, origin)
    for base in sorted(EXAMPLES.glob("*/values/base.yaml")):
        for own in sorted(base.parent.glob("*.yaml")):
            layers = [base] if own == base else [base, own]
            origin = " and ".join(layer.relative_to(ROOT).as_posix() for layer in layers)
            documents = [text for _, text in split(helm_template(*layers, release=own.stem))]
            files[base.parent.with_name("rendered") / own.name] = join(documents, origin)
    return files


def helm_template(*values: Path | str, release: str = RELEASE) -> str:
    """Return what `helm template` prints for files of values, and settings that are no files."""
    beside = Path(sys.executable).with_name("helm")
    helm = str(beside) if beside.exists() else shutil.which("helm")
    if not helm:
        raise RenderError("no helm beside this Python nor on PATH: run `make test` once")
    command = [helm, "template", release, str(CHART), "--namespace", NAMESPACE, "--skip-tests"]
    for each in values:
        command += ["--values" if isinstance(each, Path) else "--set", str(each)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RenderError(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def split(rendered: str) -> list[tuple[str, str]]:
    """Return each document with the name of its template, less what only a release has."""
    documents = []
    for part in re.split(r"^---\n", rendered, flags=re.M):
        source = re.match(r"# Source: \S*/templates/(\S+)\.yaml\n", part)
        if source:
            text = HELM_ONLY.sub("", part[source.end() :]).strip() + "\n"
            documents.append((source[1], text))
    return documents


def by_file(rendered: str, origin: str) -> dict[str, str]:
    """Sort documents into the guide's files; the pods of a service stand below its Service."""
    places = {template: name for name, templates in FILES.items() for template in templates}
    documents: dict[str, list[tuple[str, str]]] = {}
    for template, text in split(rendered):
        if template not in places:
            raise RenderError(f"scripts/manifests.py has no file for templates/{template}.yaml")
        documents.setdefault(places[template], []).append((template, text))
    return {
        name: join(group(documents[name], templates), origin)
        for name, templates in FILES.items()
        if name in documents
    }


def group(documents: list[tuple[str, str]], templates: tuple[str, ...]) -> list[str]:
    """Put documents with the same `app` label together, in the order of their templates."""
    apps: dict[str, list[tuple[str, str]]] = {}
    for template, text in documents:
        labels = yaml.safe_load(text)["metadata"].get("labels", {})
        apps.setdefault(labels.get("app", ""), []).append((template, text))
    return [
        text
        for same in apps.values()
        for _, text in sorted(same, key=lambda document: templates.index(document[0]))
    ]


def join(documents: list[str], origin: str) -> str:
    """Return the text of one file, which says first where it comes from."""
    head = f"# Rendered from helm/traffic-lanes with {origin}: make manifests\n"
    return head + "---\n".join(documents)


def committed() -> set[Path]:
    """Return the files that are there, among them any that the chart renders no longer."""
    rendered = (*EXAMPLES.glob("*/rendered.yaml"), *EXAMPLES.glob("*/rendered/*.yaml"))
    return {*(ROOT / "k8s").glob("*/*.yaml"), *rendered}


def write(wanted: dict[Path, str]) -> None:
    """Make the files what they should be."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in committed() - wanted.keys():
        path.unlink()


def drift(wanted: dict[Path, str]) -> str:
    """Return the difference between the files and what they should be, as a diff."""
    lines: list[str] = []
    for path in sorted(wanted.keys() | committed()):
        name = path.relative_to(ROOT).as_posix()
        here = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(
            here.splitlines(keepends=True),
            wanted.get(path, "").splitlines(keepends=True),
            fromfile=f"{name} (committed)",
            tofile=f"{name} (rendered)",
        )
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
