"""Print the verdict: lanes, entry rules, splits, and the answers that were not as planned."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from lanes.console import Console
from lanes.evidence.causes import Cause
from lanes.printable import shortened
from lanes.report.json_version import VERSION
from lanes.report.problems import cause_lines, hint_lines, problem_text
from lanes.report.tables import Table, counted, show
from lanes.verification import split
from lanes.verification.hints import HintCode
from lanes.verification.hop_splits import HopSplit
from lanes.verification.problems import Break
from lanes.verification.verdict import EntryVerdict, LaneVerdict, Verdict

Json = dict[str, Any]

VERDICT_NOTE = "interval: 99.9% confidence interval of each share; all hold at the same time"

# A run that detects this difference of a share, in percentage points, gets no note about it.
_FINE = 5

# How many places where lanes break are printed.
_MOST_BREAKS = 3


def counts(verdict: Verdict) -> str:
    """Return how many requests there were, and how many failed or were refused as planned."""
    refused = f", {verdict.planned_failures} refused as planned" if verdict.planned_failures else ""
    drawn, entered = verdict.requests, sum(rule.count for rule in verdict.entered)
    requests = counted(drawn or entered, "request")
    if entered:
        requests += f" by weight, {entered} by entry rules" if drawn else " by entry rules"
    return f"{requests}, {verdict.errors} failed{refused}"


def verdict_table(verdict: Verdict) -> Table:
    """Return a table of the lanes' shares, and whether their paths were as planned."""
    rows = [
        (
            lane.name,
            percent(lane.expected),
            f"{lane.count} ({percent(lane.share)})",
            _interval(lane),
            _paths(lane),
        )
        for lane in verdict.lanes
    ]
    return Table(("lane", "weight", "seen", "interval", "paths"), rows, right=(1, 2))


def entered_table(verdict: Verdict) -> Table:
    """Return a table of the entry rules, and whether their requests were as planned."""
    rows = [(rule.lane, str(rule.by), _as_planned(rule)) for rule in verdict.entered]
    return Table(("lane", "entered by", "paths"), rows)


def splits_table(verdict: Verdict) -> Table:
    """Return a table of the splits behind the gateway, and how often each version answered."""
    rows = [
        (
            share.lane,
            share.service,
            share.version,
            percent(share.expected),
            f"{share.count} of {share.total}",
            _interval(share),
        )
        for share in verdict.splits
    ]
    return Table(("lane", "at", "version", "share", "seen", "interval"), rows)


def split_note(verdict: Verdict) -> list[str]:
    """Return the difference of shares that the run detects; [] if that is five points or less."""
    shares = [lane.expected for lane in verdict.lanes]
    points = round(100 * split.detectable_difference(verdict.requests, shares))
    if points <= _FINE or len(shares) == 1:
        return []
    needed = split.requests_to_detect(_FINE / 100, shares)
    requests = counted(verdict.requests, "request")
    verb = "detects" if verdict.requests == 1 else "detect"
    return [
        f"{requests} {verb} a share that is {points} percentage points off;"
        f" {needed:,} detect {_FINE}"
    ]


def _interval(share: LaneVerdict | HopSplit) -> Text:
    text = f"{percent(share.low)} to {percent(share.high)}"
    if share.fits:
        return Text(text)
    return Text(f"{text}: not {percent(share.expected)}", style="red")


def percent(share: float) -> str:
    """Return a share as a percentage, with one decimal if it is below 1%."""
    return f"{share:.1%}" if 0.0005 <= share < 0.01 else f"{share:.0%}"


def _paths(lane: LaneVerdict) -> Text:
    if lane.count:
        return _as_planned(lane)
    if lane.unsure:
        return Text("not seen")
    entered = any(rule.count for rule in lane.entered)
    text = "none by weight" if entered else "not verified"
    return Text(text, style="red" if lane.expected else "")


def _as_planned(verdict: LaneVerdict | EntryVerdict) -> Text:
    inconclusive = verdict.inconclusive if isinstance(verdict, EntryVerdict) else 0
    if wrong := verdict.count - verdict.as_planned - inconclusive:
        return Text(f"{wrong} NOT as planned", style="red")
    if isinstance(verdict, EntryVerdict) and verdict.not_verified_because:
        return Text(f"{inconclusive or ''} not verified: {verdict.not_verified_because}".lstrip())
    return Text(f"{verdict.count} as planned")


def unexpected_lines(verdict: Verdict, most: int = 5) -> list[str]:
    """Return the answers that were not as planned, the most frequent first."""
    lines = []
    for wrong in verdict.unexpected[:most]:
        status = f"status {wrong.status}: " if wrong.status else ""
        times = "once" if wrong.count == 1 else f"{wrong.count} times"
        lines += [f"{times} {problem_text(wrong.problem)}:", f"  {status}{shortened(wrong.text)}"]
    if len(verdict.unexpected) > most:
        lines.append(f"and {len(verdict.unexpected) - most} other kinds of wrong answer")
    return lines


# Hints that do not explain where a lane breaks.
_UNRELATED = (HintCode.NOT_INJECTED, HintCode.EVIDENCE_ENDS)


def break_lines(verdict: Verdict) -> list[str]:
    """Return where and why lanes break, the most frequent first; [] if a hint explains it."""
    if any(hint.code not in _UNRELATED for hint in verdict.hints):
        return []
    places: dict[tuple[str, str, Cause], list[tuple[str, Break]]] = {}
    for lane, broken, _ in verdict.breaks:
        places.setdefault((broken.caller, broken.service, broken.cause), []).append((lane, broken))
    return [
        line
        for breaks in list(places.values())[:_MOST_BREAKS]
        for line in cause_lines(sorted({lane for lane, _ in breaks if lane}), _example(breaks))
    ]


def _example(breaks: Sequence[tuple[str, Break]]) -> Break:
    """Return one lane's break at a place, if possible one where another version answered."""
    return next((broken for _, broken in breaks if broken.answered != broken.planned), breaks[0][1])


def hints_lines(verdict: Verdict) -> list[str]:
    """Return the hints in lines."""
    return [line for hint in verdict.hints for line in hint_lines(hint)]


def verdict_json(verdict: Verdict) -> Json:
    return {
        "version": VERSION,
        "ok": verdict.ok,
        "verdict": verdict.holds,
        "requests": verdict.requests,
        "errors": verdict.errors,
        "lanes": {
            lane.name: {
                "count": lane.count,
                "share": round(lane.share, 4),
                "expected": round(lane.expected, 4),
                "low": round(lane.low, 4),
                "high": round(lane.high, 4),
                "as_planned": lane.as_planned,
                "verified": lane.verified,
                "ok": lane.ok if lane.verified or not lane.ok else None,
                "unsure": lane.unsure,
                "not_seen": list(lane.unseen),
                "not_known": list(lane.not_known),
                "entry_rules": [
                    {
                        "rule": str(entered.by),
                        "count": entered.count,
                        "as_planned": entered.as_planned,
                        "not_verified": entered.inconclusive,
                    }
                    for entered in lane.entered
                ],
            }
            for lane in verdict.lanes
        },
        "unexpected": [
            {
                "code": wrong.problem.code,
                "problem": problem_text(wrong.problem),
                "answer": wrong.text,
                "status": wrong.status,
                "count": wrong.count,
            }
            for wrong in verdict.unexpected
        ],
        "left": [
            {
                "lane": lane or None,
                "caller": broken.caller or None,
                "service": broken.service,
                "planned": broken.planned or None,
                "answered": broken.answered or None,
                "cause": broken.cause,
                "count": count,
            }
            for lane, broken, count in verdict.breaks
        ],
        "splits": [
            {
                "lane": share.lane,
                "service": share.service,
                "version": share.version,
                "count": share.count,
                "total": share.total,
                "expected": round(share.expected, 4),
                "low": round(share.low, 4),
                "high": round(share.high, 4),
                "ok": share.fits,
            }
            for share in verdict.splits
        ],
        "hints": hints_lines(verdict),
    }


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print the tables of the verdict, the wrong answers, and hints."""
    console.lines([counts(verdict), ""])
    if verdict.requests:
        show(verdict_table(verdict), console)
        console.lines([VERDICT_NOTE, *split_note(verdict)])
    if verdict.entered:
        console.lines([""] if verdict.requests else [])
        show(entered_table(verdict), console)
    if verdict.splits:
        console.lines([""])
        show(splits_table(verdict), console)
    more = (*break_lines(verdict), *hints_lines(verdict))
    console.lines([*unexpected_lines(verdict), *more, ""])
