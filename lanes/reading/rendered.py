"""What is rendered before it is a manifest: Helm's charts, and Kustomizations."""

from pathlib import Path
from typing import Any

from lanes.mesh.diagnostics import Finding
from lanes.reading.documents import Document

_FILES = ("kustomization.yaml", "kustomization.yml", "kustomization")
_GROUP = "kustomize.config.k8s.io/"
_LISTING = {"apiVersion", "kind", "metadata", "resources"}


def chart_of(file: str, text: str) -> Path | None:
    """The Helm chart that a template of its own, `text`, is from; None: it is no template."""
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
    """Whether a document says what Kustomize does: it need not say so itself."""
    if isinstance(document, dict) and "kind" in document:
        return str(document.get("apiVersion", "")).startswith(_GROUP)
    return Path(file).name.lower() in _FILES


def kustomized(file: str, document: Document) -> Finding | None:
    """A word on what a Kustomization would change; None: it lists what is beside it, no more."""
    folder = Path(file).parent
    listed = document.get("resources")
    beside = isinstance(listed, list) and all(
        isinstance(one, str) and ".." not in Path(one).parts and (folder / one).exists()
        for one in listed
    )
    if beside and document.keys() <= _LISTING:
        return None
    message = (
        "a Kustomization, whose changes are not planned: render it,"
        f" kubectl kustomize {folder} | lanes plan -"
    )
    return Finding("kustomization", file, "", "", message)
