"""The result as an HTML page: one file without scripts that loads nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import jinja2
from markupsafe import Markup

from lanes.printable import printable_lines
from lanes.report import plots
from lanes.report.names import with_distinct_names
from lanes.report.performance import HOPS_NOTE, milliseconds, notes, word, worse_lines
from lanes.report.plan import cells_of
from lanes.report.plan_notes import plan_notes
from lanes.report.problems import problem_text
from lanes.report.result import conclusion, late_lines
from lanes.report.verdict import VERDICT_NOTE, break_lines, counts, hints_lines, percent, split_note
from lanes.verification.classification import ClassifiedAnswer
from lanes.verification.performance import Figures, HopFigures
from lanes.verification.problems import Problem
from lanes.verification.result import Result
from lanes.verification.verdict import LaneVerdict

# The number of colors for lanes. Further lanes get the same colors again.
_COLORS = 6


@dataclass(frozen=True)
class Row:
    """One lane: its color, verdict, figures, comparison with the baseline in a word, and plots."""

    color: int
    name: str
    verdict: LaneVerdict | None
    figures: Figures | None
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
    """A path that answers took, how often, and what is wrong with it.

    `partial` tells whether some of its hops were not seen.
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
    """A kind of wrong answer, and in words how often it came and when first."""

    problem: str
    status: int
    text: str
    came: str


def html(result: Result) -> str:
    """Return the page."""
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
        hint_lines=[*break_lines(result.verdict), *hints_lines(result.verdict)],
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
        notes=notes(performance),
        hops_note=HOPS_NOTE.partition(": ")[2],
        colors=colors,
    )


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """Yield the names and values of facts about the run."""
    load, sample = result.load, result.sample
    yield "gateway", result.url
    yield "began", sample.began.strftime("%Y-%m-%d %H:%M:%S UTC")
    took = timedelta(seconds=round(sample.seconds)) if sample.seconds >= 60 else None
    yield "took", str(took) if took else f"{sample.seconds:.1f} s"
    yield "sent", counts(result.verdict)
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
    performances = {lane.name: lane for lane in performance.lanes}
    baseline = performances[performance.baseline].figures if performance.baseline else None
    for name in dict.fromkeys((*verdicts, *performances)):
        lane, compared = verdicts.get(name), performances.get(name)
        figures = compared.figures if compared else None
        beside = None if name == performance.baseline else baseline
        yield Row(
            colors[name],
            name,
            lane,
            figures,
            word(compared) if compared and name in performance.found else "",
            plots.share(lane) if lane and lane.total else "",
            plots.times(figures, scale, beside) if figures and figures.times else "",
        )


def _hop_rows(result: Result, scale: plots.Scale, colors: dict[str, int]) -> Iterator[HopRow]:
    for hop, names in result.performance.hops:
        lanes = tuple((name, colors[name]) for name in names)
        yield HopRow(hop, lanes, plots.times(hop.figures, scale))


def _paths(result: Result, colors: dict[str, int]) -> Iterator[Path]:
    paths = Counter(
        (
            answer.name,
            _steps(answer),
            answer.answer.status,
            problem_text(answer.problem),
            answer.answer.partial or not answer.conclusive,
        )
        for answer in _answers(result)
    )
    order = list(colors)
    for (name, steps, status, problem, partial), count in sorted(
        paths.items(), key=lambda item: order.index(item[0][0]) if item[0][0] in order else 99
    ):
        yield Path(name, colors.get(name, 0), steps, status, problem, partial, count)


def _steps(classified: ClassifiedAnswer) -> str:
    return " → ".join(
        f"{step.service or '?'} {'?' if step.silent else step.version}".rstrip()
        for step in classified.answer.path
    )


def _failures(result: Result) -> Iterator[Failure]:
    """Yield every kind of wrong answer, the most frequent first."""
    answers = _answers(result)
    start = min((one.answer.began or 0.0 for one in answers), default=0.0)
    first: dict[tuple[Problem | None, str, int], float] = {}
    for one in answers:
        kind = (one.problem, one.answer.text, one.answer.status)
        seconds = (one.answer.began or start) - start
        first[kind] = min(seconds, first.get(kind, seconds))
    for wrong in result.verdict.unexpected:
        seconds = first[wrong.problem, wrong.text, wrong.status]
        often = "once," if wrong.count == 1 else f"{wrong.count} times, first"
        came = f"{often} {seconds:.1f} s after the start"
        yield Failure(problem_text(wrong.problem), wrong.status, wrong.text, came)


def _answers(result: Result) -> tuple[ClassifiedAnswer, ...]:
    return (*result.classified.drawn, *result.classified.entered)


def _finalized(value: object) -> object:
    """Return a value for the page, with text made printable. Markup is this program's own."""
    safe = isinstance(value, Markup | int | float)
    return value if safe else printable_lines(str(value))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
