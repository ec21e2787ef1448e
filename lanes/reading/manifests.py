"""Manifests as typed resources with the places where they were read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Finding, Place
from lanes.reading.documents import Document
from lanes.reading.positions import Written

Kind = TypeVar("Kind", bound=BaseModel)
NOT_RUN = "not simulated: left out"


@dataclass(frozen=True)
class Resource:
    """One typed resource and where it was read.

    `namespaced`: the resource names its namespace. `left_out`: the fields that are not supported,
    which `body` lacks. `written`: the resource as its file has it; only lint keeps it.
    """

    source: str
    kind: str
    name: str
    body: BaseModel
    namespaced: bool = True
    written: Written | None = field(default=None, compare=False, repr=False)
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def data(self) -> Document:
        """The resource as it is written; {} where lint does not read it."""
        return self.written.data if self.written else {}

    @property
    def namespace(self) -> str:
        return self.body.metadata.namespace  # type: ignore[attr-defined,no-any-return]

    def line(self, path: str) -> int:
        """Return the line of the field at `path`; 0: not known."""
        return self.written.line(path) if self.written else 0

    def text(self, path: str) -> str:
        """Return the scalar at `path` as it is written; "": not known."""
        return self.written.text(path) if self.written else ""

    def lacks(self, path: str) -> bool:
        """Tell whether the field at `path`, or a part of it, is not supported."""
        return any(_is_within(field, path) for field in self.left_out)

    def unsupported(self, path: str = "", *, outside: str = "") -> str:
        """Return a sentence about a field that is not supported; "": all are.

        `path` limits it to what is within that field; `outside` skips fields that begin so.
        """
        fields = (field for field in self.left_out if not path or _is_within(field, path))
        named = next((f for f in fields if not (outside and f.startswith(outside))), "")
        return f"{self}: {named} is not supported" if named else ""

    def place(self, path: str) -> Place:
        """Return the place of the field at `path`."""
        return Place(self.source, str(self), path)

    def error(self, path: str, problem: str) -> ManifestError:
        """Return an error about the field at `path`."""
        return ManifestError(self.source, str(self), path, problem)

    def finding(self, rule: str, path: str, message: str) -> Finding:
        """Return a warning about the field at `path`."""
        return Finding(rule, self.source, str(self), path, message)


def _is_within(field: str, path: str) -> bool:
    return field == path or field.startswith((f"{path}.", f"{path}["))


@dataclass(frozen=True)
class Misfit:
    """A resource that does not fit its model, and why."""

    resource: Resource
    model: type[BaseModel]
    errors: tuple[ErrorDetails, ...]


@dataclass(frozen=True)
class Manifests:
    """All resources that were read.

    `left_to_cluster`: the kinds of resources that no plan needs. `not_supported`: errors about
    fields and resources that were left out.
    For lint alone: `others`, resources without a typed body; `duplicates`, each resource that
    occurs again with other contents, and the one before it; `misfits`.
    """

    sources: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    left_to_cluster: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    not_supported: tuple[Finding, ...] = ()
    others: tuple[Resource, ...] = ()
    duplicates: tuple[tuple[Resource, Resource], ...] = ()
    misfits: tuple[Misfit, ...] = ()

    def of(self, kind: type[Kind]) -> Iterator[tuple[Resource, Kind]]:
        """Yield every resource of a kind, or of one derived from it, with its typed body."""
        for model, resources in self._by_model.items():
            if issubclass(model, kind):
                yield from ((one, one.body) for one in resources)  # type: ignore[misc]

    @cached_property
    def _by_model(self) -> dict[type[BaseModel], list[Resource]]:
        resources: dict[type[BaseModel], list[Resource]] = {}
        for resource in self.resources:
            resources.setdefault(type(resource.body), []).append(resource)
        return resources
