"""The result as a page of its own: one file, with nothing to load and no script."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import jinja2
from markupsafe import Markup

from lanes.printable import printable_lines
from lanes.report import plots
from lanes.report.names import with_distinct_names
from lanes.report.performance import NOTE, milliseconds, notes, word, worse_lines
from lanes.report.plan import cells_of
from lanes.report.plan_notes import plan_notes
from lanes.report.problems import problem_text
from lanes.report.result import conclusion, late_lines
from lanes.report.verdict import VERDICT_NOTE, counts, hints_lines, left_lines, percent, split_note
from lanes.verification.classification import ClassifiedAnswer
from lanes.verification.performance import Figures, HopFigures, LanePerformance
from lanes.verification.problems import Problem
from lanes.verification.result import Result
from lanes.verification.verdict import LaneVerdict

# Colors of the page that lanes take turns in.
_COLORS = 6


@dataclass(frozen=True)
class Row:
    """One lane on the page: its number for a color, its verdict, how it did, and its plots."""

    color: int
    name: str
    verdict: LaneVerdict | None
    did: LanePerformance | None
    word: str
    share: Markup | str
    times: Markup | str


@dataclass(frozen=True)
class HopRow:
    """A version at a service, and its lanes as (name, color)."""

    hop: HopFigures
    lanes: tuple[tuple[str, int], ...]
    times: Markup


@dataclass(frozen=True)
class Path:
    """A path that answers took, how often, and what is wrong with it; `partial`: not all of it
    is seen.
    """

    name: str
    color: int
    steps: str
    status: int
    problem: str
    partial: bool
    count: int


@dataclass(frozen=True)
class Failure:
    """A wrong answer, and in words how often it came, and when first."""

    problem: str
    status: int
    text: str
    came: str


def html(result: Result) -> str:
    """The page."""
    performance = result.performance
    scale = plots.Scale.over([lane.figures for lane in performance.lanes])
    hop_scale = plots.Scale.over([hop.figures for hop, _ in performance.hops])
    colors = _colors(result)
    plan = with_distinct_names(result.plan)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lanes.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
    )
    environment.filters.update(ms=milliseconds, percent=percent, cells=cells_of, sentence=_sentence)
    return environment.get_template("report.html.jinja").render(
        result=result,
        verdict=result.verdict,
        hint_lines=[*left_lines(result.verdict), *hints_lines(result.verdict)],
        performance=performance,
        conclusion=conclusion(result),
        facts=list(_facts(result)),
        rows=list(_rows(result, scale, colors)),
        ticks=scale.ticks(),
        hops=list(_hop_rows(result, hop_scale, colors)),
        hop_ticks=hop_scale.ticks(),
        services=list(dict.fromkeys(h.service for lane in plan.lanes for h in lane.path)),
        plan=plan,
        plan_notes=plan_notes(plan),
        paths=list(_paths(result, colors)),
        failures=list(_failures(result)),
        split_notes=[VERDICT_NOTE, *split_note(result.verdict)] if result.verdict.requests else [],
        worse=worse_lines(performance),
        notes=[note for note in notes(performance) if note != NOTE],
        colors=colors,
    )


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """What was run and when."""
    load, asked = result.load, result.sample
    yield "gateway", result.url
    yield "began", asked.began.strftime("%Y-%m-%d %H:%M:%S UTC")
    took = timedelta(seconds=round(asked.seconds)) if asked.seconds >= 60 else None
    yield "took", str(took) if took else f"{asked.seconds:.1f} s"
    yield "asked", counts(result.verdict)
    pace = f"{load.rate:g} a second" if load.rate else f"{load.concurrency} at a time"
    yield "pace", pace
    if result.performance.baseline:
        yield "baseline", result.performance.baseline
    yield "plan", ", ".join(result.manifests)
    if late := late_lines(result):
        yield "late", " ".join(line.strip() for line in late).strip()


def _colors(result: Result) -> dict[str, int]:
    names = [lane.name for lane in result.verdict.lanes]
    names += [lane.name for lane in result.performance.lanes]
    names += [lane.name for lane in result.plan.lanes]
    return {name: number % _COLORS for number, name in enumerate(dict.fromkeys(names))}


def _rows(result: Result, scale: plots.Scale, colors: dict[str, int]) -> Iterator[Row]:
    performance = result.performance
    verdicts = {lane.name: lane for lane in result.verdict.lanes}
    did = {lane.name: lane for lane in performance.lanes}
    base = did[performance.baseline].figures if performance.baseline else None
    for name in dict.fromkeys((*verdicts, *did)):
        lane, figures = verdicts.get(name), did[name].figures if name in did else None
        yield Row(
            colors[name],
            name,
            lane,
            did.get(name),
            word(did[name]) if name in performance.found else "",
            _share(lane) if lane and lane.total else "",
            _times(figures, scale, None if name == performance.baseline else base),
        )


def _share(lane: LaneVerdict) -> Markup:
    return plots.share(lane.low, lane.high, lane.share, lane.expected, lane.fits)


def _times(figures: Figures | None, scale: plots.Scale, beside: Figures | None) -> Markup | str:
    return plots.times(figures, scale, beside) if figures and figures.times else ""


def _hop_rows(result: Result, scale: plots.Scale, colors: dict[str, int]) -> Iterator[HopRow]:
    for hop, lanes in result.performance.hops:
        named = tuple((name, colors[name]) for name in lanes)
        yield HopRow(hop, named, plots.times(hop.figures, scale))


def _paths(result: Result, colors: dict[str, int]) -> Iterator[Path]:
    seen = Counter(
        (
            one.name,
            _steps(one),
            one.answer.status,
            problem_text(one.problem),
            one.answer.partial or not one.conclusive,
        )
        for one in _answers(result)
    )
    order = list(colors)
    for (name, steps, status, problem, partial), count in sorted(
        seen.items(), key=lambda item: order.index(item[0][0]) if item[0][0] in order else 99
    ):
        yield Path(name, colors.get(name, 0), steps, status, problem, partial, count)


def _steps(classified: ClassifiedAnswer) -> str:
    return " → ".join(
        f"{step.service or '?'} {'?' if step.silent else step.version}".rstrip()
        for step in classified.answer.path
    )


def _failures(result: Result) -> Iterator[Failure]:
    """Every kind of wrong answer, the most frequent first."""
    began = min((one.answer.began or 0.0 for one in _answers(result)), default=0.0)
    first: dict[tuple[Problem | None, str, int], float] = {}
    for one in _answers(result):
        key = (one.problem, one.answer.text, one.answer.status)
        at = (one.answer.began or began) - began
        first[key] = min(at, first.get(key, at))
    for wrong in result.verdict.unexpected:
        at = first[wrong.problem, wrong.text, wrong.status]
        came = f"once, {at:.1f} s" if wrong.count == 1 else f"{wrong.count} times, first {at:.1f} s"
        yield Failure(
            problem_text(wrong.problem), wrong.status, wrong.text, f"{came} after the start"
        )


def _answers(result: Result) -> tuple[ClassifiedAnswer, ...]:
    return (*result.classified.drawn, *result.classified.entered)


def _finalized(value: object) -> object:
    """Whatever the page shows; what is markup already is ours."""
    ours = isinstance(value, Markup | int | float)
    return value if ours else printable_lines(str(value))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
