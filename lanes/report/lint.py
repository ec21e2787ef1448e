"""What lint found, in print: for people, for programs, and as SARIF for code review."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from rich.text import Text

from lanes.console import Console
from lanes.lint.check import BY_CODE, Report, severity_of
from lanes.lint.rule import Rule
from lanes.report.json_version import VERSION
from lanes.report.tables import counted, folded

Json = dict[str, Any]

_NARROW, _WIDE = 60, 100


def show_lint(report: Report, console: Console) -> None:
    """Print each finding: where it is, then its sentence as wide as the terminal."""
    width = min(max(console.width, _NARROW), _WIDE)
    for finding in report.findings:
        severity = severity_of(finding)
        color = "red" if severity == "error" else "yellow"
        console.line(
            f"{finding.file}:{finding.line}: ",
            Text(severity, color),
            " ",
            Text(finding.rule, "bold"),
            f" {finding.resource}",
        )
        text = f"{finding.field}: {finding.message}" if finding.field else finding.message
        console.lines(f"  {line}" for line in folded(text, width - 2, indent=""))
    if report.findings:
        console.line()
    console.line(_summary(report))


def _summary(report: Report) -> str:
    looked = f"in {counted(report.resources, 'resource')}"
    if not report.findings:
        return f"nothing found {looked}"
    errors, warnings = report.count("error"), report.count("warning")
    return f"{counted(errors, 'error')}, {counted(warnings, 'warning')} {looked}"


def lint_json(report: Report) -> Json:
    """The findings, and how many of them there are."""
    return {
        "version": VERSION,
        "findings": [
            {
                **finding.json(),
                "namespace": finding.namespace,
                "line": finding.line,
                "severity": severity_of(finding),
            }
            for finding in report.findings
        ],
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "resources": report.resources,
        "unread": list(report.unread),
    }


def lint_sarif(report: Report) -> Json:
    """The findings as code review tools read them.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lanes lint", "rules": list(_sarif_rules())}},
                "invocations": [
                    {
                        "executionSuccessful": not report.unread,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": text}} for text in report.unread
                        ],
                    }
                ],
                "results": list(_sarif_results(report)),
            }
        ],
    }


def _sarif_rules() -> Iterator[Json]:
    for rule in BY_CODE.values():
        yield {
            "id": rule.code,
            "name": rule.name,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": _on_one_line(rule)},
            "defaultConfiguration": {"level": rule.severity},
        }


def _sarif_results(report: Report) -> Iterator[Json]:
    codes = list(BY_CODE)
    for finding in report.findings:
        yield {
            "ruleId": finding.rule,
            "ruleIndex": codes.index(finding.rule),
            "level": severity_of(finding),
            "message": {"text": f"{finding.resource}: {finding.field}: {finding.message}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(os.fsencode(finding.file))},
                        "region": {"startLine": finding.line},
                    },
                    "logicalLocations": [
                        {"fullyQualifiedName": f"{finding.resource}: {finding.field}"}
                    ],
                }
            ],
        }


def _on_one_line(rule: Rule) -> str:
    return " ".join(rule.text.split())
