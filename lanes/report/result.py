"""The whole of what `lanes verify` found, in print and for programs."""

from typing import Any

from lanes.console import Console
from lanes.report.performance import performance_json, show_performance
from lanes.report.tables import counted
from lanes.report.verdict import closing, show_verdict, verdict_json
from lanes.verification.load_profile import LATE_AFTER_MS, MOST_IN_FLIGHT
from lanes.verification.result import Result


def show_result(result: Result, console: Console) -> None:
    """Print all of it, and the result in a sentence at the end."""
    show_verdict(result.verdict, console)
    show_performance(result.performance, console)
    console.lines([*late_lines(result), conclusion(result)])


def conclusion(result: Result) -> str:
    """The result in a sentence or two."""
    told = result.performance
    said = [closing(result.verdict)]
    if told.worse:
        named = ", ".join(lane.name for lane in told.worse)
        are = "are" if len(told.worse) > 1 else "is"
        said.append(f"{named} {are} worse than {told.baseline}.")
    elif result.no_worse and not told.found:
        said.append("Lanes NOT compared: the baseline has no answers, or no other lane has.")
    return " ".join(said)


def late_lines(result: Result) -> list[str]:
    """What to say of requests that did not start on their schedule, and a blank line."""
    late = result.asked.late
    if not late:
        return []
    return [
        f"{counted(late, 'request')} started over {LATE_AFTER_MS:g} ms late:"
        f" {MOST_IN_FLIGHT} had no answer"
        " yet, or",
        "  this machine is too slow",
        "",
    ]


def result_json(result: Result) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        **verdict_json(result.verdict),
        "ok": result.ok,
        "performance": performance_json(result.performance),
        "run": {
            "url": result.url,
            "began": result.asked.began.isoformat(timespec="seconds"),
            "seconds": round(result.asked.seconds, 3),
            "concurrency": None if result.asking.rate else result.asking.concurrency,
            "rate": result.asking.rate,
            "started_late": result.asked.late,
        },
    }
