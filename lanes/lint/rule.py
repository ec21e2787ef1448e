"""What a rule is, and what it finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from sys import modules
from typing import Literal

from lanes.lint.facts import Check, Facts
from lanes.mesh.diagnostics import Finding

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One thing that goes wrong with lanes.

    `severity`: an error is sure to misroute, or to fail, some requests; a warning may. `text` says
    why. `bad` is manifests that it finds something in, and `fix` the part that is wrong and what
    to write instead. `check` yields what it finds; its sentence says what will happen and how to
    fix it.
    """

    code: str
    name: str
    severity: Severity
    text: str
    bad: str
    fix: tuple[str, str]
    check: Check

    @property
    def title(self) -> str:
        """What it is about: the first line of its module."""
        return (modules[self.check.__module__].__doc__ or "").strip()

    @property
    def good(self) -> str:
        """The example without what is wrong."""
        return self.bad.replace(*self.fix)

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """What it finds, each at its place."""
        for resource, field, message in facts.found(self.check):
            place = resource.source, str(resource), field
            yield Finding(self.code, *place, message, resource.line(field), resource.namespace)
