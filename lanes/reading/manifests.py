"""Read manifests: files, directories or standard input, into typed resources."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lanes.errors import LanesError, ManifestError
from lanes.model import Place
from lanes.reading import kinds

STDIN = "-"
# The C parser is ten times as fast; a PyYAML built without it still reads everything.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML as kubectl reads it: a date is a string, null is absent, no key stands twice."""

    yaml_implicit_resolvers: ClassVar = {
        start: [resolver for resolver in resolvers if resolver[0] != _TIMESTAMP]
        for start, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                problem = f"the key {key} is no string"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if key in mapping:
                problem = f"{key} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return {key: value for key, value in mapping.items() if value is not None}


Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True)
class Resource:
    """One typed resource and where it was read."""

    source: str
    kind: str
    name: str
    body: BaseModel

    def place(self, where: str) -> Place:
        """The place of the field `where` of this resource."""
        return Place(self.source, f"{self.kind} {self.name}", where)

    def error(self, where: str, problem: str) -> ManifestError:
        """An error about the field `where` of this resource."""
        return ManifestError(self.source, f"{self.kind} {self.name}", where, problem)


@dataclass(frozen=True)
class Manifests:
    """Everything that was read: what is emulated, and what is left to the cluster."""

    sources: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    left_to_cluster: tuple[str, ...] = field(default=())

    def of(self, kind: type[Kind]) -> Iterator[tuple[Resource, Kind]]:
        """Every resource of one kind, with its typed body."""
        for resource in self.resources:
            if isinstance(resource.body, kind):
                yield resource, resource.body


def read(paths: Iterable[str]) -> Manifests:
    """Read every manifest under `paths` (files, directories, or "-" for standard input).

    Raises ManifestError for a manifest that is no YAML, misses what its kind needs, or
    uses what the laptop mesh does not emulate, and LanesError for a path that can't be read.
    """
    paths = tuple(dict.fromkeys(paths))
    resources: list[Resource] = []
    left: list[str] = []
    seen: dict[tuple[type[BaseModel], str, str], str] = {}
    for source, text in _texts(paths):
        for document in _documents(source, text):
            if _is_hook(document):
                continue
            resource = _typed(source, document)
            if resource is None:
                left.append(document["kind"])
                continue
            metadata: kinds.Metadata = resource.body.metadata  # type: ignore[attr-defined]
            key = (type(resource.body), metadata.namespace, metadata.name)
            if key in seen:
                also = "there" if seen[key] == source else f"in {seen[key]}"
                raise resource.error("", f"stands twice: also {also}; keep one")
            seen[key] = source
            resources.append(resource)
    sources = tuple("standard input" if path == STDIN else path for path in paths)
    if not resources:
        if paths == (STDIN,):
            raise LanesError("standard input: no manifests came; did what should write them fail?")
        where = " ".join(sources)
        raise LanesError(f"{where}: no manifests there; render some, e.g. helm template")
    return Manifests(sources, tuple(resources), tuple(left))


def _texts(paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path == STDIN:
            yield "standard input", _decoded("standard input", sys.stdin.buffer.read())
            continue
        root = Path(path)
        if not root.exists():
            raise LanesError(f"{path}: no such file or directory; name manifests, or - for stdin")
        files = sorted(p for p in root.rglob("*") if p.suffix in (".yaml", ".yml", ".json"))
        for file in files if root.is_dir() else [root]:
            try:
                yield str(file), _decoded(str(file), file.read_bytes())
            except OSError as error:
                raise LanesError(f"{file}: can't be read: {error.strerror}") from None


def _decoded(source: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise LanesError(f"{source}: can't be read: {error}") from None


def _documents(source: str, text: str) -> Iterator[dict[str, Any]]:
    try:
        for document in yaml.load_all(text, Loader=_Loader):
            if document is None:
                continue
            _require_kind(source, document)
            if not document["kind"].endswith("List") or "items" not in document:
                yield document
                continue
            for item in document["items"]:
                _require_kind(source, item)
                yield item
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ManifestError(source, where, "", f"no valid YAML: {problem}") from None


def _require_kind(source: str, document: object) -> None:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise LanesError(
            f"{source}: a document is no Kubernetes resource: it has no kind;"
            " Helm's values are rendered first: helm template ... | lanes ... -"
        )


def _is_hook(document: dict[str, Any]) -> bool:
    """Whether Helm runs this beside what it installs, as it does a chart's tests."""
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and "helm.sh/hook" in (metadata.get("annotations") or {})


def _typed(source: str, document: dict[str, Any]) -> Resource | None:
    """The typed resource, or None for a kind that is left to the cluster."""
    group, kind = kinds.group_of(document), document["kind"]
    if (group, kind) in kinds.LEFT_TO_THE_CLUSTER:
        return None
    metadata = document.get("metadata")
    name = str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"
    # What `kubectl get` adds to a resource asks for nothing.
    document = {key: value for key, value in document.items() if key != "status"}
    model = kinds.EMULATED.get((group, kind))
    if model is None:
        what = f"{kind} ({group})" if group else kind
        raise ManifestError(source, f"{kind} {name}", "", f"{what} is not emulated; leave it out")
    try:
        return Resource(source, kind, name, model.model_validate(document))
    except ValidationError as error:
        # What asks for too much says more than what is missing in its stead.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise ManifestError(
            source, f"{kind} {name}", _path(first["loc"]), _problem(first["type"], first["msg"])
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _problem(kind: str, message: str) -> str:
    if kind in ("extra_forbidden", "none_required"):
        return "not emulated; leave it out, or try it on a cluster"
    if kind == "too_short":
        return "is empty"
    if kind == "too_long":
        return "one is emulated; leave the others out"
    if kind == "missing":
        return "missing"
    return message.removeprefix("Value error, ").removeprefix("Input ")
