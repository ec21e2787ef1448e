"""A rule of `lanes lint`."""

from collections.abc import Iterator
from dataclasses import dataclass
from sys import modules
from typing import Literal

from lanes.lint.facts import Check, Facts
from lanes.mesh.diagnostics import Finding

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One mistake that breaks lanes.

    `severity`: an error is sure to misroute or fail some requests; a warning may. `text` explains
    the mistake. `bad` is an example that has it; `fix` is the wrong part and its replacement.
    `check` yields the violations; their messages say what will happen and how to fix it.
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
        """The first line of the rule's module."""
        return (modules[self.check.__module__].__doc__ or "").strip()

    @property
    def good(self) -> str:
        """The example after the fix."""
        return self.bad.replace(*self.fix)

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Yield a finding, with its line, for each violation."""
        for resource, field, message in facts.violations(self.check):
            place = resource.source, str(resource), field
            yield Finding(self.code, *place, message, resource.line(field), resource.namespace)
