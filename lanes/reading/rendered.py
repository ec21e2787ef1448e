"""Recognizes files to render first: templates of Helm charts, and Kustomizations."""

from pathlib import Path
from typing import Any

from lanes.mesh.diagnostics import Finding
from lanes.reading.documents import Document

_FILES = ("kustomization.yaml", "kustomization.yml", "kustomization")
_GROUP = "kustomize.config.k8s.io/"
_LISTING = {"apiVersion", "kind", "metadata", "resources"}


def chart_of(file: str, text: str) -> Path | None:
    """Return the folder of the Helm chart that has this template; None: `text` is none."""
    if "{{" not in text:
        return None
    for folder in Path(file).parents:
        chart = folder.parent
        if folder.name == "templates" and (chart / "Chart.yaml").exists():
            while chart.parent.name == "charts" and (chart.parents[1] / "Chart.yaml").exists():
                chart = chart.parents[1]
            return chart
    return None


def is_kustomization(file: str, document: Any) -> bool:
    """Tell whether a document is a Kustomization: by its group or, without a kind, its file."""
    if isinstance(document, dict) and "kind" in document:
        return str(document.get("apiVersion", "")).startswith(_GROUP)
    return Path(file).name.lower() in _FILES


def kustomized(file: str, document: Document) -> Finding | None:
    """Return a warning about a Kustomization; None: it only lists existing files below it."""
    folder = Path(file).parent
    resources = document.get("resources")
    all_below = isinstance(resources, list) and all(
        isinstance(path, str) and ".." not in Path(path).parts and (folder / path).exists()
        for path in resources
    )
    if all_below and document.keys() <= _LISTING:
        return None
    message = (
        "a Kustomization, whose changes are not planned: render it,"
        f" kubectl kustomize {folder} | lanes plan -"
    )
    return Finding("kustomization", file, "", "", message)
