"""The fuzzer's corpus: manifests of this repository, of Istio and of the Gateway API.

The manifests of others are read from the Go client's module cache.
"""

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lanes.errors import LanesError
from lanes.reading import kinds
from lanes.reading.documents import documents
from scripts import golang, istiod
from tests.kube import Document

REPOSITORY = Path(__file__).parents[2]
MODULES = (
    (istiod.MODULE, istiod.VERSION),
    ("sigs.k8s.io/gateway-api", "v1.6.0"),
    ("sigs.k8s.io/gateway-api/conformance", "v1.7.0"),
)
_ROUTING = frozenset(
    key for key in kinds.KNOWN if key[0] in ("networking.istio.io", kinds.gateway_api.GROUP)
)
_LARGEST = 40_000
# Folders without manifests that plan or lint reads.
_SKIPPED = frozenset({"crd", "crds", "reports", "releasenotes", "node_modules"})


@cache
def corpus(*, offline: bool) -> tuple[tuple[Document, ...], ...]:
    """Return sets of documents, one for each file; `offline`: without downloads of modules."""
    files = [*_manifests(REPOSITORY / "k8s"), *_manifests(REPOSITORY / "examples")]
    for module in _modules(offline=offline):
        files += _manifests(module)
    return tuple(filter(None, map(_read, files)))


def _modules(*, offline: bool) -> Iterator[Path]:
    """Yield the folders of the modules that are available."""
    found = golang.machine_go()
    if found is None:
        return
    go, environment = found
    kept = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    for module, version in MODULES:
        folder = Path(kept.stdout.strip(), f"{module}@{version}")
        try:
            if not folder.exists() and not offline:
                golang.module_facts(go, environment, module, version, "mod", "download")
        except golang.GoError as error:
            golang.say(f"without {module}: {error}")
        if folder.exists():
            yield folder


def _manifests(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            file = Path(here, name)
            if file.suffix in (".yaml", ".yml", ".json") and file.stat().st_size < _LARGEST:
                yield file


def _read(file: Path) -> tuple[Document, ...]:
    """Return the resources of a file, or none if nothing in it routes."""
    try:
        read = [document for document, _ in documents(file.name, file.read_text(encoding="utf-8"))]
    except (LanesError, UnicodeDecodeError):
        return ()
    resources = tuple(d for d in read if isinstance(d, dict) and "kind" in d)
    return resources if any((kinds.group_of(d), d["kind"]) in _ROUTING for d in resources) else ()
