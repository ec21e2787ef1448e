"""Diagnostics: what is wrong with manifests or deserves a warning, each at its place."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lanes.errors import LanesError, ManifestError, first_ten


@dataclass(frozen=True)
class Place:
    """Where something was read: a file, a resource such as Deployment shop, a field's path."""

    file: str = ""
    resource: str = ""
    field: str = ""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to look at: where it stands, and in a sentence what will happen.

    `rule` is its kind's short name; `file` and `line` are where it was read ("", 0: not known).
    `namespace` is the resource's, which lint alone tells.
    `resource` is as errors name it, VirtualService shop; `field` a path below it, or "".
    """

    rule: str
    file: str
    resource: str
    field: str
    message: str
    line: int = 0
    namespace: str = ""

    def __str__(self) -> str:
        """The finding as a line: file: resource: field: message."""
        return ": ".join(filter(None, (self.file, self.resource, self.field, self.message)))

    @property
    def without_file(self) -> str:
        """The same without its file, for a mark on what depends on it."""
        return ": ".join(filter(None, (self.resource, self.field, self.message)))

    def json(self) -> dict[str, str]:
        """What programs get of it."""
        return {
            "rule": self.rule,
            "file": self.file,
            "resource": self.resource,
            "field": self.field,
            "message": self.message,
        }


NOT_SUPPORTED = "not-supported"


def with_file(mark: str, found: Iterable[Finding]) -> str:
    """Return a mark on what is not supported with the file that it is about, where it is `found`.

    Of several resources of one name, it is that of the very sentence.
    """
    about = [one for one in found if mark.startswith(f"{one.resource}: ")]
    files = [one.file for one in sorted(about, key=lambda one: one.without_file != mark)]
    return ": ".join(filter(None, (*files[:1], mark)))


class Diagnostics:
    """Collects what is found while manifests become a mesh: each once, in the order found.

    An error is about what is wrong or not supported: it is left out, and what depends on it is
    marked. A fatal one leaves nothing to plan. A warning does not stop a plan. What is not
    simulated stops only `lanes up`.
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
        """Run a block; keep its ManifestError, which ends the block alone."""
        try:
            yield
        except ManifestError as error:
            self.error(error, fatal=fatal)

    def error(self, error: ManifestError, *, fatal: bool = False) -> str:
        """Add an error; return it as a mark on what depends on what it is about."""
        kept = self._fatal if fatal else self._errors
        finding = Finding(NOT_SUPPORTED, error.source, error.resource, error.field, error.problem)
        kept[finding] = None
        return finding.without_file

    def warn(self, *findings: Finding) -> None:
        """Add warnings."""
        self._warnings |= dict.fromkeys(findings)

    def not_simulate(self, problem: ManifestError) -> None:
        """Add what a cluster does and `lanes up` does not."""
        self._not_simulated[str(problem)] = None

    def require_plannable(self, causes: Iterable[str] = (), *, strict: bool) -> None:
        """Raise LanesError with every error where one is fatal, or where `strict`.

        `causes` are sentences that may name the cause of them.
        """
        if self._fatal or (strict and self._errors):
            raise LanesError(*first_ten([*causes, *map(str, self.errors)]))
