"""Reads manifests from files, directories or standard input into typed resources."""

import json
import os
from collections.abc import Iterable
from itertools import pairwise

from pydantic import BaseModel, ValidationError

from lanes.errors import LanesError, ManifestError, first_ten
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.reading import kinds
from lanes.reading.documents import Document, documents
from lanes.reading.files import STDIN, STDIN_NAME, texts
from lanes.reading.manifests import Manifests, Misfit, Resource
from lanes.reading.partial import path_text, problem_text, understood
from lanes.reading.positions import Written
from lanes.reading.rendered import chart_of, is_kustomization, kustomized
from lanes.reading.skipped import Skipped

_NOTHING_CAME = "standard input: no manifests came. Did the command before the pipe fail?"
_Identity = tuple[type[BaseModel], str, str]
"""A resource's model, namespace and name."""


def read(
    paths: Iterable[str],
    namespace: str = "default",
    *,
    strict: bool = True,
    skip: Iterable[str] = (),
) -> Manifests:
    """Read every manifest under `paths` (files, directories, or "-" for standard input).

    A resource that names no namespace goes to `namespace`. `skip` names resources to leave out:
    KIND/NAME. Raises LanesError if a path cannot be read or has no manifests, or if a resource to
    skip is not there. Raises one LanesError for all documents that are no YAML and, if `strict`,
    for all fields that are not supported or incomplete.
    """
    paths = tuple(dict.fromkeys(paths))
    reader = _Reader(namespace, skip=skip)
    _read_into(reader, paths)
    reader.skipped.require_all_found()
    reader.report_duplicates()
    kustomizations = tuple(map(str, reader.kustomizations))
    reader.diagnostics.require_plannable(kustomizations, strict=strict)
    sources = tuple(STDIN_NAME if path == STDIN else path for path in paths)
    if all(isinstance(resource.body, _LEFT_TO_CLUSTER) for resource in reader.resources):
        if paths == (STDIN,) or kustomizations:
            raise LanesError(*first_ten(kustomizations) or [_NOTHING_CAME])
        raise LanesError(
            f"{' '.join(sources)}: no manifests there; render some, e.g. helm template"
        )
    left, errors = tuple(reader.left_to_cluster), reader.diagnostics.errors
    return Manifests(sources, reader.resources, left, reader.warnings, errors)


def read_for_lint(
    paths: Iterable[str], namespace: str | None = None
) -> tuple[Manifests, tuple[str, ...]]:
    """Return all resources under `paths` with their lines, and why others cannot be read.

    A resource that names no namespace goes to `namespace`; None: its namespace is not known.
    Raises LanesError if a path does not exist or has no resource.
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
        tuple(reader.left_to_cluster),
        reader.warnings,
        others=tuple(reader.others),
        duplicates=tuple(reader.duplicates),
        misfits=tuple(reader.misfits),
    )
    return manifests, errors


def _read_into(reader: "_Reader", paths: tuple[str, ...]) -> None:
    for path, text, in_folder in texts(paths):
        source = short(path)
        with reader.diagnostics.gathered(fatal=True):
            if folder := chart_of(path, text):
                chart = short(str(folder))
                problem = f"a Helm chart: render it, helm template {chart} | lanes plan -"
                raise ManifestError(chart, "", "", problem)
            for document, node in documents(source, text):
                with reader.diagnostics.gathered(fatal=True):
                    reader.add(source, Written(document, node), in_folder=in_folder)


def short(source: str) -> str:
    """Return a file's path from the current directory if it is below; else `source`."""
    if source == STDIN_NAME or (relative := os.path.relpath(source)).startswith(os.pardir):
        return source
    return relative


class _Reader:
    """Collects resources from documents.

    `namespace`: for resources that name none; `namespaced`: the user named it. `skip`: resources
    to leave out.
    """

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
        self.left_to_cluster: list[str] = []
        self.kustomizations: list[Finding] = []
        self._for_lint = for_lint
        self._namespace = namespace
        self._namespaced = namespaced
        self._forms: dict[_Identity, list[Resource]] = {}

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource once: its last form, which is applied last.

        Beside a Kustomization it is the first form, since others may be patches.
        """
        return tuple(forms[0 if self.kustomizations else -1] for forms in self._forms.values())

    @property
    def duplicates(self) -> list[tuple[Resource, Resource]]:
        """Every resource that occurs again with other contents, and the one before it."""
        pairs = (pair for forms in self._forms.values() for pair in pairwise(forms))
        return [(later, earlier) for earlier, later in pairs]

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return (*self.kustomizations, *self.diagnostics.warnings)

    def add(self, source: str, written: Written, *, in_folder: bool) -> None:
        """Add a document; `in_folder`: the user named the folder of its file.

        Raises ManifestError if the document is not supported or is no resource.
        """
        document = written.data
        if is_kustomization(source, document):
            finding = kustomized(source, document if isinstance(document, dict) else {})
            self.kustomizations += [finding] if finding else []
            if isinstance(document, dict) and "kind" in document:
                self._add_other(source, written)
        elif not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            self._report_no_resource(source, in_folder)
        elif document["kind"].endswith("List") and "items" in document:
            for item in written.items():
                with self.diagnostics.gathered(fatal=True):
                    self.add(source, item, in_folder=False)
        elif not _is_hook(document):
            self._add_resource(source, written)

    def _report_no_resource(self, source: str, in_folder: bool) -> None:
        if self._for_lint:
            return
        problem = "a document is not a Kubernetes resource: it has no kind"
        if not in_folder:
            fix = "Helm's values are rendered first: helm template ... | lanes ... -"
            raise ManifestError(source, "", "", f"{problem}; {fix}")
        if not any(warning.file == source for warning in self.diagnostics.warnings):
            self.diagnostics.warn(Finding("no-resource", source, "", "", f"{problem}; left out"))

    def _add_resource(self, source: str, written: Written) -> None:
        group, kind = kinds.group_of(written.data), written.data["kind"]
        metadata = written.data.get("metadata")
        name = str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"
        if self.skipped.has(kind, name):
            return
        model = kinds.KNOWN.get((group, kind))
        if model is None:
            self._add_unknown(source, written, group, f"{kind} {name}")
            return
        if model in _LEFT_TO_CLUSTER:
            self.left_to_cluster.append(kind)
        # `kubectl get` adds a status, which asks for nothing.
        document = {key: value for key, value in written.data.items() if key != "status"}
        namespaced = isinstance(metadata, dict) and "namespace" in metadata
        if isinstance(metadata, dict) and not namespaced:
            document["metadata"] = {**metadata, "namespace": self._namespace}
            namespaced = self._namespaced
        left_out: tuple[str, ...] = ()
        body: BaseModel | None
        try:
            body = model.model_validate(document)
        except ValidationError as error:
            self._report_misfit(source, written, namespaced, model, error)
            body, left_out = understood(model, document)
        if body is None:
            self._add_other(source, written, namespaced)
        else:
            lines = written if self._for_lint else None
            self._keep(Resource(source, kind, name, body, namespaced, lines, left_out))

    def _add_unknown(self, source: str, written: Written, group: str, resource: str) -> None:
        """Add a resource of a kind without a model. Raises ManifestError if it may route."""
        kind = written.data["kind"]
        full_kind = f"{kind} ({group})" if group else kind
        self._add_other(source, written)
        if kinds.may_route(group, kind) and not self._for_lint:
            problem = f"{full_kind} may choose routes, and is not supported; correct or remove it"
            raise ManifestError(source, resource, "", problem)
        self.left_to_cluster.append(full_kind if kind in _KNOWN_NAMES else kind)

    def _report_misfit(
        self,
        source: str,
        written: Written,
        namespaced: bool,
        model: type[BaseModel],
        error: ValidationError,
    ) -> None:
        resource = _untyped(source, written, namespaced)
        if self._for_lint:
            self.misfits.append(Misfit(resource, model, tuple(error.errors())))
            return
        for each in error.errors():
            path, problem = path_text(each["loc"]), problem_text(each["type"], each["msg"])
            self.diagnostics.error(resource.error(path, problem))

    def _add_other(self, source: str, written: Written, namespaced: bool | None = None) -> None:
        if self._for_lint:
            self.others.append(_untyped(source, written, namespaced))

    def _keep(self, resource: Resource) -> None:
        metadata: kinds.Metadata = resource.body.metadata  # type: ignore[attr-defined]
        identity = (type(resource.body), metadata.namespace, metadata.name)
        forms = self._forms.setdefault(identity, [])
        if not forms or _contents(forms[-1]) != _contents(resource):
            forms.append(resource)

    def report_duplicates(self) -> None:
        """Report resources that occur twice: errors beside a Kustomization, else warnings."""
        for later, earlier in self.duplicates:
            where = "" if earlier.source == later.source else f", first in {earlier.source}"
            if self.kustomizations:
                message = f"occurs twice{where}; keep one"
                self.diagnostics.error(later.error("", message), fatal=True)
            else:
                message = f"occurs twice{where}: this one, which is applied last, is planned"
                self.diagnostics.warn(later.finding("twice", "", message))


# Kinds that no plan shows, and that are read for what they say of pods.
_LEFT_TO_CLUSTER = (
    kinds.ConfigMap,
    kinds.EndpointSlice,
    kinds.Endpoints,
    kinds.Namespace,
    kinds.PeerAuthentication,
    kinds.RequestAuthentication,
    kinds.gateway_api.BackendTLSPolicy,
)

# A kind of another group that has one of these names is reported with its group.
_KNOWN_NAMES = {kind for _, kind in kinds.KNOWN}


def _contents(resource: Resource) -> str:
    """Return a resource's contents, which are the same in every version of its API."""
    if resource.written:
        contents = {k: v for k, v in resource.data.items() if k not in ("apiVersion", "status")}
    else:
        contents = resource.body.model_dump(exclude={"api_version": True, "metadata": {"created"}})
    return json.dumps(contents, sort_keys=True)


def _untyped(source: str, written: Written, namespaced: bool | None = None) -> Resource:
    """Return a resource of which only the identity is known."""
    body = kinds.Untyped.of(written.data)
    if namespaced is None:
        namespaced = bool(body.metadata.namespace)
    return Resource(source, body.kind, body.metadata.name or "?", body, namespaced, written)


def _is_hook(document: Document) -> bool:
    """Tell whether Helm runs the resource beside the release, such as a chart's test."""
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and "helm.sh/hook" in annotations
