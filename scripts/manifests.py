"""Render k8s/ and the examples from the chart, with the guide's file names and order.

usage: python scripts/manifests.py [--check]

With --check nothing is written. If a committed file differs from the rendered one, the difference
is printed and the exit code is 1.
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
# The providers whose lanes need no existing Gateway.
PROVIDERS = ("asm", "istio")
# The example that is rendered for each of them.
ALIKE = "other-languages"

# The labels of a Helm release. They are removed, because kubectl applies the manifests.
HELM_ONLY = re.compile(r"^ *(app\.kubernetes\.io/managed-by: Helm|helm\.sh/chart: .*)\n", re.M)


class RenderError(Exception):
    """Helm failed, or the chart renders a template that no file is for."""


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0 as rendered, 1 drift or failure, 2 wrong usage."""
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
    """Return the text of every rendered file by path."""
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
    """Return the output of `helm template`. A path is a values file, a string a setting."""
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
    """Return each document with its template's name, without the labels of a release."""
    documents = []
    for part in re.split(r"^---\n", rendered, flags=re.M):
        source = re.match(r"# Source: \S*/templates/(\S+)\.yaml\n", part)
        if source:
            text = HELM_ONLY.sub("", part[source.end() :]).strip() + "\n"
            documents.append((source[1], text))
    return documents


def by_file(rendered: str, origin: str) -> dict[str, str]:
    """Sort documents into the guide's files. A service's pods follow its Service."""
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
    """Group documents by their `app` label, in the order of their templates."""
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
    """Return the text of one file, with a first line that names its origin."""
    head = f"# Rendered from helm/traffic-lanes with {origin}: make manifests\n"
    return head + "---\n".join(documents)


def committed() -> set[Path]:
    """Return the existing files, including ones that the chart no longer renders."""
    rendered = (*EXAMPLES.glob("*/rendered.yaml"), *EXAMPLES.glob("*/rendered/*.yaml"))
    return {*(ROOT / "k8s").glob("*/*.yaml"), *rendered}


def write(wanted: dict[Path, str]) -> None:
    """Write the wanted files and delete the others."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in committed() - wanted.keys():
        path.unlink()


def drift(wanted: dict[Path, str]) -> str:
    """Return a diff from the existing files to the wanted ones."""
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
