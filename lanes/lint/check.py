"""Check manifests by every rule."""

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
    """Findings by file and line, the number of resources, and sentences about what is unread."""

    findings: tuple[Finding, ...]
    resources: int
    unread: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(severity_of(finding) == severity for finding in self.findings)


def severity_of(finding: Finding) -> Severity:
    """Return the severity of a finding's rule."""
    return BY_CODE[finding.rule].severity


def lint(
    paths: Iterable[str], ignored: Collection[str] = (), namespace: str | None = None
) -> Report:
    """Return what the rules find in the manifests under `paths`, without the `ignored` codes.

    `namespace` is the namespace of resources that name none; None if it is unknown.
    Raises LanesError if a path does not exist or holds no manifest, and for an unknown code.
    """
    unknown = next((code for code in ignored if code not in BY_CODE), None)
    if unknown is not None:
        span = f"{RULES[0].code} to {RULES[-1].code}"
        raise LanesError(f"no rule {unknown}; docs/lint.md lists them, {span}")
    manifests, unread = read_for_lint(paths, namespace)
    diagnostics = Diagnostics()
    mesh, destinations = build(completed(manifests), diagnostics)
    incomplete = (unread, manifests.misfits, manifests.duplicates, diagnostics.errors)
    facts = Facts(manifests, mesh, destinations, planned=not any(incomplete))
    rules = (rule for rule in RULES if rule.code not in ignored)
    findings = {finding for rule in rules for finding in rule.findings(facts)}
    ordered = sorted(findings, key=lambda f: (f.file, f.line, f.rule, f.field, f.message))
    sentences = (*unread, *dict.fromkeys(misshapen(manifests)))
    return Report(tuple(ordered), len(manifests.resources) + len(manifests.others), sentences)
