"""Print failures and latency, by lane and by hop, compared with the baseline's."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from lanes.console import Console
from lanes.report.tables import Cell, Table, counted, show
from lanes.verification.performance import (
    FAILURES,
    FALSE_ALARM,
    LATENCY,
    MARGIN,
    MARGIN_MS,
    Difference,
    Figures,
    LanePerformance,
    Performance,
)

Json = dict[str, Any]

PARTS = {"median": 0.5, "p90": 0.9, "p99": 0.99}
_FIGURES = ("answers", "failed", *PARTS)
_RIGHT = range(1, 1 + len(_FIGURES))

NOTE = (
    f"worse: more failures, or slower by {MARGIN:.0%} and {MARGIN_MS:g} ms;"
    f" false alarm rate {FALSE_ALARM:.0%}"
)
HOPS_NOTE = "time: the hop's own, with the network to its upstreams, without their time"

# A run that detects this failure rate gets no note on what it detects.
_FINE = 0.05


def show_performance(performance: Performance, console: Console) -> None:
    """Print the tables of lanes and hops, with notes and the hops that make lanes worse."""
    show(performance_table(performance), console)
    console.lines([*worse_lines(performance), *notes(performance), ""])
    if performance.hops:
        show(hops_table(performance), console)
        console.lines([HOPS_NOTE, ""])


def performance_table(performance: Performance) -> Table:
    """Return a table of each lane's failures and latency, and how it compares with the baseline."""
    rows: list[list[Cell]] = [[lane.name, *_cells(lane.figures)] for lane in performance.lanes]
    headings = ["lane", *_FIGURES]
    if performance.baseline:
        headings.append(f"compared with {performance.baseline}")
        for row, lane in zip(rows, performance.lanes, strict=True):
            row.append(_comparison(lane, performance))
    return Table(headings, rows, _RIGHT)


def hops_table(performance: Performance) -> Table:
    """Return a table of each version at each service: failures that began there, and its time."""
    rows: list[tuple[Cell, ...]] = [
        (str(hop), *_cells(hop.figures), ", ".join(lanes)) for hop, lanes in performance.hops
    ]
    return Table(("hop", *_FIGURES, "lanes"), rows, _RIGHT)


def notes(performance: Performance) -> list[str]:
    """Return what the words in the table mean, and the failure rate that the run detects."""
    lines = []
    if performance.without_lane:
        lines.append(f"{counted(performance.without_lane, 'failure')} without a known lane")
    if not performance.found:
        return lines
    lines.append(NOTE)
    lane, share = max(performance.found.items(), key=lambda item: item[1])
    if share > _FINE:
        count = next(each.figures.count for each in performance.lanes if each.name == lane)
        lines.append(f"{counted(count, 'answer')} in {lane} detect a failure rate of {share:.0%}")
    return lines


def worse_lines(performance: Performance) -> list[str]:
    """Return how each worse lane is worse, and the hop that most of it comes from."""
    return [
        f"{lane.name} {words(difference)} than {performance.baseline}"
        + (f"; most of it at {difference.at}" if difference.at else "")
        for lane in performance.worse
        for difference in lane.worse
    ]


def words(difference: Difference) -> str:
    """Return how a lane is worse, such as "takes 12 ms longer at p99"; "than" can follow."""
    if difference.what == FAILURES:
        return f"fails {100 * difference.by:.1f} points more"
    more = milliseconds(difference.by)
    if difference.what == LATENCY:
        return f"takes {more} longer at the median"
    return f"takes {more} longer at p99"


def milliseconds(ms: float | None) -> str:
    """Return a time as people read it; "-" for None."""
    if ms is None:
        return "-"
    if ms >= 1000:
        return f"{ms / 1000:.2f} s"
    return f"{ms:.1f} ms" if abs(ms) < 10 else f"{ms:.0f} ms"


def performance_json(performance: Performance) -> Json:
    return {
        "baseline": performance.baseline or None,
        "warm_up": performance.warm_up,
        "failures_without_lane": performance.without_lane,
        "lanes": {lane.name: _lane_json(lane, performance) for lane in performance.lanes},
        "hops": [
            {"service": hop.service, "version": hop.version, "lanes": list(lanes)}
            | _figures_json(hop.figures)
            for hop, lanes in performance.hops
        ],
    }


def _lane_json(lane: LanePerformance, performance: Performance) -> Json:
    detectable = performance.found.get(lane.name)
    return _figures_json(lane.figures) | {
        "compared_with_baseline": None if detectable is None else word(lane),
        "worse": [_difference_json(difference) for difference in lane.worse],
        "better": [_difference_json(difference) for difference in lane.better],
        "detectable_failure_rate": None if detectable is None else round(detectable, 4),
        "hops": [
            {"service": hop.service, "version": hop.version} | _figures_json(hop.figures)
            for hop in lane.hops
        ],
    }


def _difference_json(difference: Difference) -> Json:
    return {
        "what": difference.what,
        "p": difference.chance,
        "by": round(difference.by, 4),
        "at": difference.at or None,
    }


def _figures_json(figures: Figures) -> Json:
    return {
        "count": figures.count,
        "failed": figures.failed,
        "timed": len(figures.times),
        **{f"{name}_ms": _rounded(figures.at(part)) for name, part in PARTS.items()},
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)


def word(lane: LanePerformance) -> str:
    """Return how the lane compares with the baseline. "worse" wins over "better"."""
    return "worse" if lane.worse else "better" if lane.better else "no difference found"


def _comparison(lane: LanePerformance, performance: Performance) -> Text:
    if lane.name == performance.baseline:
        return Text("baseline")
    style = "red" if lane.worse else "green" if lane.better else ""
    return Text(word(lane), style=style)


def _cells(figures: Figures) -> Iterator[Text]:
    yield Text(str(figures.count))
    yield Text(str(figures.failed), style="red" if figures.failed else "")
    for part in PARTS.values():
        yield Text(milliseconds(figures.at(part)))
