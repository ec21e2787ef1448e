"""Read manifests: files, directories or standard input, into typed resources."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lanes.errors import LanesError, ManifestError, together
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.model import Place
from lanes.reading import kinds
from lanes.reading.documents import Document, documents
from lanes.reading.files import STDIN, STDIN_NAME, texts
from lanes.reading.rendered import chart_of, is_kustomization, kustomized

Kind = TypeVar("Kind", bound=BaseModel)
NOT_RUN = "not run here; leave it out, or try it on a cluster"


@dataclass(frozen=True)
class Resource:
    """One typed resource and where it was read.

    `namespaced`: it names its namespace, and goes to no other that it is applied to.
    """

    source: str
    kind: str
    name: str
    body: BaseModel
    namespaced: bool = True

    def place(self, where: str) -> Place:
        """The place of the field `where` of this resource."""
        return Place(self.source, f"{self.kind} {self.name}", where)

    def error(self, where: str, problem: str) -> ManifestError:
        """An error about the field `where` of this resource."""
        return ManifestError(self.source, f"{self.kind} {self.name}", where, problem)

    def finding(self, rule: str, where: str, message: str) -> Finding:
        """A warning about the field `where` of this resource."""
        return Finding(rule, self.source, f"{self.kind} {self.name}", where, message)


@dataclass(frozen=True)
class Manifests:
    """Everything that was read: what may choose a route, and what is left to the cluster."""

    sources: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    left_to_cluster: tuple[str, ...] = field(default=())
    warnings: tuple[Finding, ...] = ()

    def of(self, kind: type[Kind]) -> Iterator[tuple[Resource, Kind]]:
        """Every resource of one kind, with its typed body."""
        for known, resources in self._by_kind.items():
            if issubclass(known, kind):
                yield from ((one, one.body) for one in resources)  # type: ignore[misc]

    @cached_property
    def _by_kind(self) -> dict[type[BaseModel], list[Resource]]:
        found: dict[type[BaseModel], list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(type(resource.body), []).append(resource)
        return found


def read(paths: Iterable[str], namespace: str = "default") -> Manifests:
    """Read every manifest under `paths` (files, directories, or "-" for standard input).

    What names no namespace goes to `namespace`. Raises LanesError for a path that can't be read,
    and, all in one, for what is no YAML, misses what its kind needs, or asks for what might choose
    a route and is not understood.
    """
    paths = tuple(dict.fromkeys(paths))
    reader = _Reader(namespace)
    for path, text, found in texts(paths):
        source = short(path)
        with reader.diagnostics.gathered():
            if chart := chart_of(path, text):
                raise _to_render(short(str(chart)))
            for document in documents(source, text):
                with reader.diagnostics.gathered():
                    reader.take(source, document, found)
    reader.diagnostics.require_no_errors(map(str, reader.kustomizations))
    sources = tuple(STDIN_NAME if path == STDIN else path for path in paths)
    if all(isinstance(resource.body, _LEFT) for resource in reader.resources):
        if paths == (STDIN,):
            raise LanesError("standard input: no manifests came; did what should write them fail?")
        if reader.kustomizations:
            raise LanesError(together(map(str, reader.kustomizations)))
        where = " ".join(sources)
        raise LanesError(f"{where}: no manifests there; render some, e.g. helm template")
    return Manifests(sources, tuple(reader.resources), tuple(reader.left), reader.told)


def _to_render(chart: str) -> ManifestError:
    return ManifestError(
        chart, "", "", f"a Helm chart: render it, helm template {chart} | lanes plan -"
    )


def short(source: str) -> str:
    """A file's name from here where it is below; else as it was given."""
    if source == STDIN_NAME or (here := os.path.relpath(source)).startswith(os.pardir):
        return source
    return here


class _Reader:
    """Takes documents one by one, and keeps what they are."""

    def __init__(self, namespace: str) -> None:
        self.diagnostics = Diagnostics()
        self.resources: list[Resource] = []
        self.left: list[str] = []
        self.kustomizations: list[Finding] = []
        self._namespace = namespace
        self._seen: dict[tuple[type[BaseModel], str, str], Resource] = {}

    @property
    def told(self) -> tuple[Finding, ...]:
        """What is worth a word."""
        return (*self.kustomizations, *self.diagnostics.warnings)

    def take(self, source: str, document: Any, found: bool) -> None:
        """Keep a document; `found`: nobody named its file. Raises ManifestError."""
        if is_kustomization(source, document):
            told = kustomized(source, document if isinstance(document, dict) else {})
            self.kustomizations += [told] if told else []
        elif not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            self._take_other(source, found)
        elif document["kind"].endswith("List") and "items" in document:
            items = document["items"]
            for item in items if isinstance(items, list) else [items]:
                with self.diagnostics.gathered():
                    self.take(source, item, found=False)
        elif not _is_hook(document):
            self._take_resource(source, document)

    def _take_other(self, source: str, found: bool) -> None:
        problem = "a document is no Kubernetes resource: it has no kind"
        if not found:
            mend = "Helm's values are rendered first: helm template ... | lanes ... -"
            raise ManifestError(source, "", "", f"{problem}; {mend}")
        if not any(one.file == source for one in self.diagnostics.warnings):
            self.diagnostics.warn(Finding("no-resource", source, "", "", f"{problem}; left out"))

    def _take_resource(self, source: str, document: Document) -> None:
        group, kind = kinds.group_of(document), document["kind"]
        what = f"{kind} ({group})" if group else kind
        metadata = document.get("metadata")
        name = str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"
        model = kinds.KNOWN.get((group, kind))
        if model is None:
            if kinds.may_route(group, kind):
                problem = f"{what} may choose routes, and how is not understood here"
                raise ManifestError(source, f"{kind} {name}", "", problem)
            self.left.append(what if kind in _TWICE else kind)
            return
        if model in _LEFT:
            self.left.append(kind)
        # What `kubectl get` adds to a resource asks for nothing.
        document = {key: value for key, value in document.items() if key != "status"}
        namespaced = isinstance(metadata, dict) and "namespace" in metadata
        if isinstance(metadata, dict) and not namespaced:
            document["metadata"] = {**metadata, "namespace": self._namespace}
        try:
            body = model.model_validate(document)
        except ValidationError as error:
            for each in error.errors():
                path, problem = _path(each["loc"]), _problem(each["type"], each["msg"])
                self.diagnostics.error(ManifestError(source, f"{kind} {name}", path, problem))
            return
        self._keep(Resource(source, kind, name, body, namespaced))

    def _keep(self, resource: Resource) -> None:
        metadata: kinds.Metadata = resource.body.metadata  # type: ignore[attr-defined]
        key = (type(resource.body), metadata.namespace, metadata.name)
        other = self._seen.setdefault(key, resource)
        if other is resource:
            self.resources.append(resource)
        elif other.body != resource.body:
            also = "there" if other.source == resource.source else f"in {other.source}"
            if isinstance(resource.body, kinds.ConfigMap):  # which chooses no route
                message = f"stands twice: also {also}; that one is planned"
                self.diagnostics.warn(resource.finding("twice", "", message))
                return
            raise resource.error("", f"stands twice: also {also}; keep one")


# What is read for what pods take of it, and is left to the cluster all the same.
_LEFT = (kinds.ConfigMap, kinds.Namespace)

# Names of kinds that other groups have, too: without its group, one would be taken for another.
_TWICE = {kind for _, kind in kinds.KNOWN}


def _is_hook(document: Document) -> bool:
    """Whether Helm runs this beside what it installs, as it does a chart's tests."""
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and "helm.sh/hook" in annotations


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _problem(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "may choose routes, and is not understood here"
    if kind == "too_short":
        return "is empty"
    if kind == "missing":
        return "missing"
    if kind == "string_type":
        return "should be a string; put it in quotes"
    return message.removeprefix("Value error, ").removeprefix("Input ")
