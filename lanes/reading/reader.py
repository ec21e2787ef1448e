"""Read manifests: files, directories or standard input, into typed resources."""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from pydantic import BaseModel, ValidationError

from lanes.errors import LanesError, ManifestError, together
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.reading import kinds
from lanes.reading.documents import Document, documents
from lanes.reading.files import STDIN, STDIN_NAME, texts
from lanes.reading.manifests import Manifests, Misfit, Resource
from lanes.reading.partial import path_text, understood
from lanes.reading.positions import Written
from lanes.reading.rendered import chart_of, is_kustomization, kustomized
from lanes.reading.skipped import Skipped

_NOTHING_CAME = "standard input: no manifests came. Did the command before the pipe fail?"
_Identity = tuple[type[BaseModel], str, str]
"""A resource's kind, namespace and name."""


def read(
    paths: Iterable[str],
    namespace: str = "default",
    *,
    strict: bool = True,
    skip: Iterable[str] = (),
) -> Manifests:
    """Read every manifest under `paths` (files, directories, or "-" for standard input).

    What names no namespace goes to `namespace`. `skip` names resources to leave out: KIND/NAME.
    Raises LanesError for a path that can't be read, for what to skip that is not there, and, all in
    one, for what is no YAML and, where `strict`, for what is not supported or incomplete.
    """
    paths = tuple(dict.fromkeys(paths))
    reader = _Reader(namespace, skip=skip)
    _read_into(reader, paths)
    reader.skipped.require_met()
    reader.settle_duplicates()
    reader.diagnostics.require_plannable(map(str, reader.kustomizations), strict=strict)
    sources = tuple(STDIN_NAME if path == STDIN else path for path in paths)
    if all(isinstance(resource.body, _LEFT) for resource in reader.resources):
        if paths == (STDIN,) or reader.kustomizations:
            raise LanesError(*together(map(str, reader.kustomizations)) or [_NOTHING_CAME])
        raise LanesError(
            f"{' '.join(sources)}: no manifests there; render some, e.g. helm template"
        )
    left, errors = tuple(reader.left), reader.diagnostics.errors
    return Manifests(sources, reader.resources, left, reader.notes, errors)


def read_for_lint(
    paths: Iterable[str], namespace: str | None = None
) -> tuple[Manifests, tuple[str, ...]]:
    """Read what can be read under `paths`, with its lines, and say why the rest cannot.

    What names no namespace goes to `namespace`; None: to one that nobody knows.
    Raises LanesError where a path is not there or holds no resource.
    """
    paths = tuple(dict.fromkeys(paths))
    reader = _Reader(namespace or "default", for_lint=True, namespaced=namespace is not None)
    _read_into(reader, paths)
    errors = tuple(map(str, reader.diagnostics.errors))
    if not (reader.resources or reader.others or errors):
        raise LanesError(f"{' '.join(paths)}: no manifests there; name files or directories")
    manifests = Manifests(
        paths,
        reader.resources,
        tuple(reader.left),
        reader.notes,
        (),
        tuple(reader.others),
        tuple(reader.duplicates),
        tuple(reader.misfits),
    )
    return manifests, errors


def _read_into(reader: "_Reader", paths: tuple[str, ...]) -> None:
    for path, text, found in texts(paths):
        source = short(path)
        with reader.diagnostics.gathered(fatal=True):
            if chart := chart_of(path, text):
                raise _to_render(short(str(chart)))
            for document, node in documents(source, text):
                with reader.diagnostics.gathered(fatal=True):
                    reader.take(source, Written(document, node), found)


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

    def __init__(
        self,
        namespace: str,
        *,
        for_lint: bool = False,
        namespaced: bool = False,
        skip: Iterable[str] = (),
    ) -> None:
        self.diagnostics = Diagnostics()
        self.skipped = Skipped(skip)
        self.others: list[Resource] = []
        self.misfits: list[Misfit] = []
        self._for_lint = for_lint
        self.left: list[str] = []
        self.kustomizations: list[Finding] = []
        self._namespace = namespace
        self._namespaced = namespaced
        self._kept: dict[_Identity, list[Resource]] = {}

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Of each identity what is applied last; beside a Kustomization, what it may patch."""
        return tuple(each[0 if self.kustomizations else -1] for each in self._kept.values())

    @property
    def duplicates(self) -> list[tuple[Resource, Resource]]:
        """Every resource that occurs again with other contents, and the one before it."""
        return [(later, one) for each in self._kept.values() for one, later in pairwise(each)]

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What is worth a word."""
        return (*self.kustomizations, *self.diagnostics.warnings)

    def take(self, source: str, written: Written, found: bool) -> None:
        """Keep a document; `found`: nobody named its file. Raises ManifestError."""
        document = written.data
        if is_kustomization(source, document):
            finding = kustomized(source, document if isinstance(document, dict) else {})
            self.kustomizations += [finding] if finding else []
            if isinstance(document, dict) and "kind" in document:
                self._keep_other(source, written)
        elif not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            self._take_no_resource(source, found)
        elif document["kind"].endswith("List") and "items" in document:
            for item in written.items():
                with self.diagnostics.gathered(fatal=True):
                    self.take(source, item, found=False)
        elif not _is_hook(document):
            self._take_resource(source, written)

    def _take_no_resource(self, source: str, found: bool) -> None:
        if self._for_lint:
            return
        problem = "a document is not a Kubernetes resource: it has no kind"
        if not found:
            fix = "Helm's values are rendered first: helm template ... | lanes ... -"
            raise ManifestError(source, "", "", f"{problem}; {fix}")
        if not any(one.file == source for one in self.diagnostics.warnings):
            self.diagnostics.warn(Finding("no-resource", source, "", "", f"{problem}; left out"))

    def _take_resource(self, source: str, written: Written) -> None:
        document = written.data
        group, kind = kinds.group_of(document), document["kind"]
        what = f"{kind} ({group})" if group else kind
        metadata = document.get("metadata")
        name = str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"
        if self.skipped.takes(kind, name):
            return
        model = kinds.KNOWN.get((group, kind))
        if model is None:
            self._keep_other(source, written)
            if kinds.may_route(group, kind) and not self._for_lint:
                problem = f"{what} may choose routes, and is not supported; correct or remove it"
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
            namespaced = self._namespaced
        try:
            body = model.model_validate(document)
        except ValidationError as error:
            if self._for_lint:
                other = replace(_untyped(source, written), namespaced=namespaced)
                self._take_misfit(other, model, document, error)
                return
            for each in error.errors():
                path, problem = path_text(each["loc"]), problem_text(each["type"], each["msg"])
                self.diagnostics.error(ManifestError(source, f"{kind} {name}", path, problem))
            rest, left_out = understood(model, document)
            if rest is not None:
                self._keep(Resource(source, kind, name, rest, namespaced, None, left_out))
            return
        kept = written if self._for_lint else None
        self._keep(Resource(source, kind, name, body, namespaced, kept))

    def _take_misfit(
        self,
        other: Resource,
        model: type[BaseModel],
        document: Document,
        error: ValidationError,
    ) -> None:
        """Keep what `model` takes of a document, and why it does not take the rest."""
        self.misfits.append(Misfit(other, model, tuple(error.errors())))
        body, left_out = understood(model, document)
        if body is None:
            self.others.append(other)
        else:
            self._keep(replace(other, body=body, left_out=left_out))

    def _keep_other(self, source: str, written: Written) -> None:
        if self._for_lint:
            self.others.append(_untyped(source, written))

    def _keep(self, resource: Resource) -> None:
        metadata: kinds.Metadata = resource.body.metadata  # type: ignore[attr-defined]
        key = (type(resource.body), metadata.namespace, metadata.name)
        kept = self._kept.setdefault(key, [])
        if not kept or _digest(kept[-1]) != _digest(resource):
            kept.append(resource)

    def settle_duplicates(self) -> None:
        """Say that the later of two is planned, or that a Kustomization's patch is no resource."""
        for later, one in self.duplicates:
            where = "" if one.source == later.source else f", first in {one.source}"
            if self.kustomizations:
                message = f"occurs twice{where}; keep one"
                self.diagnostics.error(later.error("", message), fatal=True)
            else:
                message = f"occurs twice{where}: this one, which is applied last, is planned"
                self.diagnostics.warn(later.finding("twice", "", message))


# What is read for what pods take of it, and is left to the cluster all the same.
_LEFT = (
    kinds.ConfigMap,
    kinds.EndpointSlice,
    kinds.Endpoints,
    kinds.Namespace,
    kinds.PeerAuthentication,
    kinds.RequestAuthentication,
    kinds.gateway_api.BackendTLSPolicy,
)

# Names of kinds that other groups have, too: without its group, one would be taken for another.
_TWICE = {kind for _, kind in kinds.KNOWN}


def _digest(resource: Resource) -> str:
    """Return a text that resources share that say the same, by whichever version of their API."""
    if resource.written:
        said = {key: v for key, v in resource.data.items() if key not in ("apiVersion", "status")}
    else:
        said = resource.body.model_dump(exclude={"api_version": True, "metadata": {"created"}})
    return json.dumps(said, sort_keys=True)


def _untyped(source: str, written: Written) -> Resource:
    """Return a resource of which no more than its identity is known."""
    body = kinds.Untyped.of(written.data)
    metadata = body.metadata
    return Resource(
        source, body.kind, metadata.name or "?", body, bool(metadata.namespace), written
    )


def _is_hook(document: Document) -> bool:
    """Whether Helm runs this beside what it installs, as it does a chart's tests."""
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and "helm.sh/hook" in annotations


def problem_text(kind: str, message: str) -> str:
    """Return an error of pydantic's as a sentence about a manifest."""
    if kind == "extra_forbidden":
        return "may choose routes, and is not supported; correct or remove it"
    if kind == "too_short":
        return "is empty"
    if kind == "missing":
        return "missing"
    if kind == "string_type":
        return "should be a string; put it in quotes"
    return message.removeprefix("Value error, ").removeprefix("Input ")
