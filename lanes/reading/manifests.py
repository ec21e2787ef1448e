"""Manifests as typed resources, each with the place where it was read."""

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

    `namespaced`: it names its namespace, and goes to no other that it is applied to. `left_out`:
    the fields that no model takes. For lint: `written`, the resource as its file has it.
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
        """What the resource says as it is written; lint has it alone."""
        return self.written.data if self.written else {}

    @property
    def namespace(self) -> str:
        return self.body.metadata.namespace  # type: ignore[attr-defined,no-any-return]

    def line(self, where: str) -> int:
        """Return the line of the field `where`; 0: not known."""
        return self.written.line(where) if self.written else 0

    def text(self, where: str) -> str:
        """Return the scalar of the field `where` as it is written."""
        return self.written.text(where) if self.written else ""

    def lacks(self, where: str) -> bool:
        """Tell whether something was left out of the field `where`."""
        return any(_is_below(one, where) for one in self.left_out)

    def lack(self, where: str = "", *, but: str = "") -> str:
        """Say what was left out of the field `where`, but for `but`; "": nothing."""
        out = (one for one in self.left_out if not (but and one.startswith(but)))
        one = next((one for one in out if not where or _is_below(one, where)), "")
        return f"{self}: {one} is not supported" if one else ""

    def place(self, where: str) -> Place:
        """The place of the field `where` of this resource."""
        return Place(self.source, f"{self.kind} {self.name}", where)

    def error(self, where: str, problem: str) -> ManifestError:
        """An error about the field `where` of this resource."""
        return ManifestError(self.source, f"{self.kind} {self.name}", where, problem)

    def finding(self, rule: str, where: str, message: str) -> Finding:
        """A warning about the field `where` of this resource."""
        return Finding(rule, self.source, f"{self.kind} {self.name}", where, message)


def _is_below(path: str, where: str) -> bool:
    return path == where or path.startswith((f"{where}.", f"{where}["))


@dataclass(frozen=True)
class Misfit:
    """A resource that its model does not take as it is, and why."""

    resource: Resource
    model: type[BaseModel]
    errors: tuple[ErrorDetails, ...]


@dataclass(frozen=True)
class Manifests:
    """Everything that was read: what may choose a route, and what is left to the cluster.

    `not_supported`: what was left out of resources, or resources that were.
    For lint: `others`, resources of kinds that have no model, or that it does not take at all;
    `duplicates`, those that occur again with other contents, each with the one before; `misfits`.
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
