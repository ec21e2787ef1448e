"""The whole result of `lanes verify`, as text and as JSON."""

from collections.abc import Iterable
from typing import Any

from lanes.console import Console
from lanes.mesh.diagnostics import Finding
from lanes.report.closing import closing
from lanes.report.performance import performance_json, show_performance
from lanes.report.tables import counted
from lanes.report.verdict import show_verdict, verdict_json
from lanes.verification.load_profile import LATE_AFTER_MS, MOST_IN_FLIGHT
from lanes.verification.result import Result


def show_result(result: Result, console: Console) -> None:
    """Print the result, and its conclusion as the last line."""
    show_verdict(result.verdict, console)
    show_performance(result.performance, console)
    console.lines([*late_lines(result), conclusion(result)])


def conclusion(result: Result) -> str:
    """Return the result in a few sentences."""
    performance = result.performance
    sentences = [closing(result.verdict)]
    if result.require_entry and result.verdict.ok and not result.entry_seen:
        sentences.append("The first hop was NOT seen, which --require-entry needs.")
    if performance.worse:
        names = ", ".join(lane.name for lane in performance.worse)
        are = "are" if len(performance.worse) > 1 else "is"
        sentences.append(f"{names} {are} worse than {performance.baseline}.")
    elif result.no_worse and not performance.found:
        sentences.append("Lanes NOT compared: the baseline has no answers, or no other lane has.")
    return " ".join(sentences)


def late_lines(result: Result) -> list[str]:
    """Return lines on requests that started late, and a blank line; [] if none did."""
    late = result.sample.late
    if not late:
        return []
    return [
        f"{counted(late, 'request')} started over {LATE_AFTER_MS:g} ms late:"
        f" {MOST_IN_FLIGHT} had no answer yet, or",
        "  this machine is too slow",
        "",
    ]


def result_json(result: Result, not_supported: Iterable[Finding] = ()) -> dict[str, Any]:
    """Return the result as JSON, with the findings that the plan leaves out."""
    return {
        **verdict_json(result.verdict),
        "ok": result.ok,
        "not_supported": [finding.json() for finding in not_supported],
        "performance": performance_json(result.performance),
        "run": {
            "url": result.url,
            "began": result.sample.began.isoformat(timespec="seconds"),
            "seconds": round(result.sample.seconds, 3),
            "concurrency": None if result.load.rate else result.load.concurrency,
            "rate": result.load.rate,
            "started_late": result.sample.late,
        },
    }
