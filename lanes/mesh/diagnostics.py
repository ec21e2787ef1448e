"""Diagnostics: errors and warnings about manifests, each with its place."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lanes.errors import LanesError, ManifestError, first_ten


@dataclass(frozen=True)
class Place:
    """A place in manifests: file, resource such as "Deployment shop", and path of a field."""

    file: str = ""
    resource: str = ""
    field: str = ""


@dataclass(frozen=True, order=True)
class Finding:
    """One error or warning: its place, and a sentence that says what happens.

    - rule: the short name of the rule
    - file, line: "" and 0 if not known
    - resource: as in errors, such as "VirtualService shop"; `field`: a path below, or ""
    - namespace: of the resource; lint alone sets it
    """

    rule: str
    file: str
    resource: str
    field: str
    message: str
    line: int = 0
    namespace: str = ""

    def __str__(self) -> str:
        """Return the finding as a line: file: resource: field: message."""
        return ": ".join(filter(None, (self.file, self.resource, self.field, self.message)))

    @property
    def without_file(self) -> str:
        """The line without the file, which marks what depends on the resource."""
        return ": ".join(filter(None, (self.resource, self.field, self.message)))

    def json(self) -> dict[str, str]:
        """Return the finding for JSON output."""
        return {
            "rule": self.rule,
            "file": self.file,
            "resource": self.resource,
            "field": self.field,
            "message": self.message,
        }


NOT_SUPPORTED = "not-supported"


def with_file(mark: str, found: Iterable[Finding]) -> str:
    """Return a mark with the file of its resource, if a finding names the resource.

    If several resources have the name, a finding with the same sentence takes precedence.
    """
    of_resource = [finding for finding in found if mark.startswith(f"{finding.resource}: ")]
    of_resource.sort(key=lambda finding: finding.without_file != mark)
    return ": ".join(filter(None, (*(finding.file for finding in of_resource[:1]), mark)))


class Diagnostics:
    """Collects errors and warnings while manifests become a mesh: each once, in order.

    An error is about something wrong or not supported. The mesh leaves it out, and marks what
    depends on it. After a fatal error, no plan is possible. What is not simulated affects `lanes
    up` alone.
    """

    def __init__(self, warnings: Iterable[Finding] = ()) -> None:
        self._errors: dict[Finding, None] = {}
        self._fatal: dict[Finding, None] = {}
        self._warnings = dict.fromkeys(warnings)
        self._not_simulated: dict[str, None] = {}

    @property
    def errors(self) -> tuple[Finding, ...]:
        return (*self._fatal, *self._errors)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(self._warnings)

    @property
    def not_simulated(self) -> tuple[str, ...]:
        return tuple(self._not_simulated)

    @contextmanager
    def gathered(self, *, fatal: bool = False) -> Iterator[None]:
        """Run a block; add its ManifestError, which ends the block alone."""
        try:
            yield
        except ManifestError as error:
            self.error(error, fatal=fatal)

    def error(self, error: ManifestError, *, fatal: bool = False) -> str:
        """Add an error; return the mark for what depends on it."""
        errors = self._fatal if fatal else self._errors
        finding = Finding(NOT_SUPPORTED, error.source, error.resource, error.field, error.problem)
        errors[finding] = None
        return finding.without_file

    def warn(self, *findings: Finding) -> None:
        self._warnings |= dict.fromkeys(findings)

    def not_simulate(self, problem: ManifestError) -> None:
        """Add something that `lanes up` does not simulate."""
        self._not_simulated[str(problem)] = None

    def require_plannable(self, causes: Iterable[str] = (), *, strict: bool) -> None:
        """Raise LanesError with every error if one is fatal, or if there is any and `strict`.

        `causes`: sentences about a possible cause, which precede the errors.
        """
        if self._fatal or (strict and self._errors):
            raise LanesError(*first_ten([*causes, *map(str, self.errors)]))
