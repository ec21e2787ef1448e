"""The whole of what `lanes verify` found, in print and for programs."""

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
    """Print all of it, and the result in a sentence at the end."""
    show_verdict(result.verdict, console)
    show_performance(result.performance, console)
    console.lines([*late_lines(result), conclusion(result)])


def conclusion(result: Result) -> str:
    """The result in a sentence or two."""
    performance = result.performance
    said = [closing(result.verdict)]
    if result.require_entry and result.verdict.ok and not result.entry_seen:
        said.append("The first hop was NOT seen, which --require-entry needs.")
    if performance.worse:
        named = ", ".join(lane.name for lane in performance.worse)
        are = "are" if len(performance.worse) > 1 else "is"
        said.append(f"{named} {are} worse than {performance.baseline}.")
    elif result.no_worse and not performance.found:
        said.append("Lanes NOT compared: the baseline has no answers, or no other lane has.")
    return " ".join(said)


def late_lines(result: Result) -> list[str]:
    """What to say of requests that did not start on their schedule, and a blank line."""
    late = result.sample.late
    if not late:
        return []
    return [
        f"{counted(late, 'request')} started over {LATE_AFTER_MS:g} ms late:"
        f" {MOST_IN_FLIGHT} had no answer"
        " yet, or",
        "  this machine is too slow",
        "",
    ]


def result_json(result: Result, not_supported: Iterable[Finding] = ()) -> dict[str, Any]:
    """All of it, for programs, with what the plan leaves out."""
    return {
        **verdict_json(result.verdict),
        "ok": result.ok,
        "not_supported": [one.json() for one in not_supported],
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
