"""Every rule over manifests: what `lanes lint` does."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lanes.errors import LanesError
from lanes.lint.facts import Facts
from lanes.lint.rule import Severity
from lanes.lint.rules import RULES
from lanes.lint.shapes import misshapen
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.reading.inferred import completed
from lanes.reading.reader import read_for_lint
from lanes.reading.resolve import build

BY_CODE = {rule.code: rule for rule in RULES}


@dataclass(frozen=True)
class Report:
    """What was found, by file and line; and what could not be read, as sentences."""

    findings: tuple[Finding, ...]
    resources: int
    unread: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(severity_of(finding) == severity for finding in self.findings)


def severity_of(finding: Finding) -> Severity:
    """How sure it is to go wrong, which its rule says."""
    return BY_CODE[finding.rule].severity


def lint(
    paths: Iterable[str], ignored: Collection[str] = (), namespace: str | None = None
) -> Report:
    """What the rules find in the manifests under `paths`, but those whose codes are `ignored`.

    What names no namespace goes to `namespace`; None: to one that nobody knows.
    Raises LanesError for a path that is not there, or holds no manifest, and for a code that no
    rule has.
    """
    unknown = next((code for code in ignored if code not in BY_CODE), None)
    if unknown is not None:
        raise LanesError(f"no rule {unknown}; docs/lint.md lists them, {_span()}")
    manifests, unread = read_for_lint(paths, namespace)
    diagnostics = Diagnostics()
    mesh, destinations = build(completed(manifests), diagnostics)
    wanting = (unread, manifests.misfits, manifests.duplicates, diagnostics.errors)
    facts = Facts(manifests, mesh, destinations, planned=not any(wanting))
    rules = (rule for rule in RULES if rule.code not in ignored)
    found = {finding for rule in rules for finding in rule.findings(facts)}
    ordered = sorted(found, key=lambda f: (f.file, f.line, f.rule, f.field, f.message))
    wrong = (*unread, *dict.fromkeys(misshapen(manifests)))
    return Report(tuple(ordered), len(manifests.resources) + len(manifests.others), wrong)


def _span() -> str:
    return f"{RULES[0].code} to {RULES[-1].code}"
