"""Print the trace of one request: its hops as a tree."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from lanes.console import Console
from lanes.evidence.causes import Cause
from lanes.printable import shortened
from lanes.report.json_version import VERSION
from lanes.report.performance import milliseconds
from lanes.report.problems import cause_lines, problem_text
from lanes.report.tables import Cell, Table, show
from lanes.verification.tracing import Trace

Json = dict[str, Any]


def show_trace(trace: Trace, console: Console) -> None:
    """Print the request's lane and its reason, the hops as a tree, and what is not as planned."""
    answer = trace.answer
    lane = f"lane {trace.lane}" if trace.lane else "no lane"
    status = f"status {answer.status}" if answer.status else "no answer"
    took = milliseconds(answer.took_ms)
    console.lines([f"{lane} ({trace.entered}): {status} after {took}", ""])
    if trace.hops:
        show(trace_table(trace), console)
        console.lines([""])
    else:
        console.lines([shortened(answer.text), ""])
    broken = trace.problem.broken if trace.problem else None
    if trace.problem and broken and broken.cause != Cause.NOT_TOLD:
        console.lines(cause_lines([trace.problem.lane] if trace.problem.lane else [], broken))
    else:
        console.lines(hop.misrouted for hop in trace.hops if hop.misrouted)
    console.lines([_closing(trace)])


def _closing(trace: Trace) -> str:
    if trace.problem:
        return f"NOT as planned: {problem_text(trace.problem)}"
    if not trace.conclusive:
        foreign = trace.answer.foreign
        return f"NOT verified: no {'hop is seen' if foreign else 'service answers there'}."
    if trace.unseen:
        were = "was" if len(trace.unseen) == 1 else "were"
        return f"As planned as far as seen: {', '.join(trace.unseen)} {were} not seen."
    return "As planned."


def trace_table(trace: Trace) -> Table:
    """Return a table of the hops as a tree: address, lane that the hop read, times, reason."""
    rows: list[tuple[Cell, ...]] = []
    for line, hop in zip(branches([hop.depth for hop in trace.hops]), trace.hops, strict=True):
        step, measured = hop.step, hop.step.measured
        failed = f"failed: {measured.error}" if measured and measured.error else ""
        why = "; ".join(filter(None, (hop.why, failed)))
        rows.append(
            (
                f"{line}{step.service} {step.version}".rstrip() + ("" if hop.seen else " ?"),
                measured.ip if measured else "",
                step.lane or "-",
                milliseconds(measured.duration_ms if measured else None),
                milliseconds(measured.own_ms if measured else None),
                Text(why, style="red" if failed or hop.misrouted else ""),
            )
        )
    if trace.elsewhere_ms is not None:
        rows.append(("gateway and network", "", "", "", milliseconds(trace.elsewhere_ms), ""))
    return Table(("hop", "address", "lane", "time", "own", "why"), rows, right=(3, 4), gap=2)


def branches(depths: Sequence[int]) -> Iterator[str]:
    """Yield the lines to draw before each node of a tree, given the nodes' depths in order."""
    for number, depth in enumerate(depths):
        more = [_continues(depths[number + 1 :], level) for level in range(1, depth + 1)]
        bars = "".join("│  " if further else "   " for further in more[:-1])
        yield bars + (("├─ " if more[-1] else "└─ ") if more else "")


def _continues(following: Sequence[int], level: int) -> bool:
    """Tell whether the following nodes have a sibling on `level`, under the same parent."""
    return next((depth == level for depth in following if depth <= level), False)


def trace_json(trace: Trace) -> Json:
    return {
        "version": VERSION,
        "ok": trace.ok,
        "code": trace.problem.code if trace.problem else None,
        "problem": problem_text(trace.problem) or None,
        "cause": trace.problem.broken.cause if trace.problem and trace.problem.broken else None,
        "lane": trace.lane,
        "entered": trace.entered,
        "status": trace.answer.status,
        "took_ms": round(trace.answer.took_ms or 0.0, 3),
        "hops": [
            {
                "service": hop.step.service,
                "version": hop.step.version or None,
                "seen": hop.seen,
                "depth": hop.depth,
                "namespace": hop.step.namespace,
                "ip": measured.ip if measured else None,
                "lane": hop.step.lane,
                "status": measured.status if measured else None,
                "duration_ms": measured.duration_ms if measured else None,
                "own_ms": measured.own_ms if measured else None,
                "error": (measured.error or None) if measured else None,
                "reason": hop.why,
                "misrouted": hop.misrouted or None,
            }
            for hop in trace.hops
            for measured in (hop.step.measured,)
        ],
        "answer": trace.answer.text,
    }
