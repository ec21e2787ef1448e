"""The verdict in print: how the lanes fared, and the answers that were not as planned."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from lanes.console import Console
from lanes.evidence.causes import Cause
from lanes.printable import shortened
from lanes.report.json_version import VERSION
from lanes.report.problems import cause_lines, hint_lines, problem_text
from lanes.report.tables import counted, new_table, show
from lanes.verification import split
from lanes.verification.hints import HintCode
from lanes.verification.problems import Left
from lanes.verification.verdict import EntryVerdict, LaneVerdict, Verdict

Json = dict[str, Any]


VERDICT_NOTE = "interval: 99.9% confidence interval of each share; all hold at the same time"

# A difference between share and weight, in hundredths, that a run should be able to tell.
_FINE = 5

# How many of the places where lanes are left are printed.
_MOST_LEFT = 3


def counts(verdict: Verdict) -> str:
    """How many requests there were, and how many failed or were refused as planned."""
    refused = f", {verdict.planned_failures} refused as planned" if verdict.planned_failures else ""
    drawn, entered = verdict.requests, sum(e.count for e in verdict.entered)
    asked = counted(drawn or entered, "request")
    if entered:
        asked += f" by weight, {entered} by entry rules" if drawn else " by entry rules"
    return f"{asked}, {verdict.errors} failed{refused}"


def verdict_table(verdict: Verdict) -> Table:
    table = new_table()
    table.add_column("lane")
    table.add_column("weight", justify="right")
    table.add_column("seen", justify="right")
    table.add_column("interval")
    table.add_column("paths")
    for lane in verdict.lanes:
        table.add_row(
            lane.name,
            percent(lane.expected),
            f"{lane.count} ({percent(lane.share)})",
            _interval(lane),
            _paths(lane),
        )
    return table


def entered_table(verdict: Verdict) -> Table:
    """Return the lanes that requests entered by entry rules, and how that went."""
    table = new_table()
    for heading in ("lane", "entered by", "paths"):
        table.add_column(heading)
    for entered in verdict.entered:
        table.add_row(entered.lane, str(entered.by), _as_planned(entered))
    return table


def splits_table(verdict: Verdict) -> Table:
    """The splits inside the mesh, and how often each version answered."""
    table = new_table()
    for heading in ("lane", "at", "version", "share", "seen", "interval"):
        table.add_column(heading)
    for one in verdict.splits:
        held = f"{percent(one.low)} to {percent(one.high)}"
        off = "" if one.fits else f": not {percent(one.expected)}"
        table.add_row(
            one.lane,
            one.service,
            one.version,
            percent(one.expected),
            f"{one.count} of {one.total}",
            Text(held + off, style="red" if off else ""),
        )
    return table


def split_note(verdict: Verdict) -> list[str]:
    """What so many requests tell of the split, where that is little."""
    shares = [lane.expected for lane in verdict.lanes]
    points = round(100 * split.detectable_difference(verdict.requests, shares))
    if points <= _FINE or len(shares) == 1:
        return []
    more = split.requests_to_detect(_FINE / 100, shares)
    asked = counted(verdict.requests, "request")
    verb = "detects" if verdict.requests == 1 else "detect"
    return [
        f"{asked} {verb} a share that is {points} percentage points off; {more:,} detect {_FINE}"
    ]


def _interval(lane: LaneVerdict) -> Text:
    text = f"{percent(lane.low)} to {percent(lane.high)}"
    if lane.fits:
        return Text(text)
    return Text(f"{text}: not {percent(lane.expected)}", style="red")


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{share:.1%}" if 0.0005 <= share < 0.01 else f"{share:.0%}"


def _paths(lane: LaneVerdict) -> Text:
    if not lane.count and lane.unsure:
        return Text("not seen")
    if not lane.count:
        said = (
            "none by weight" if any(entered.count for entered in lane.entered) else "not verified"
        )
        return Text(said, style="red" if lane.expected else "")
    return _as_planned(lane)


def _as_planned(verdict: LaneVerdict | EntryVerdict) -> Text:
    inconclusive = verdict.inconclusive if isinstance(verdict, EntryVerdict) else 0
    if wrong := verdict.count - verdict.as_planned - inconclusive:
        return Text(f"{wrong} NOT as planned", style="red")
    if isinstance(verdict, EntryVerdict) and verdict.not_verified_because:
        return Text(f"{inconclusive or ''} not verified: {verdict.not_verified_because}".lstrip())
    return Text(f"{verdict.count} as planned")


def unexpected_lines(verdict: Verdict, most: int = 5) -> list[str]:
    """The offending answers, the most frequent first."""
    lines = []
    for item in verdict.unexpected[:most]:
        status = f"status {item.status}: " if item.status else ""
        times = "once" if item.count == 1 else f"{item.count} times"
        lines += [f"{times} {problem_text(item.problem)}:", f"  {status}{shortened(item.text)}"]
    if len(verdict.unexpected) > most:
        lines.append(f"and {len(verdict.unexpected) - most} other kinds of wrong answer")
    return lines


# Hints that tell nothing of a lane that is left.
_BESIDE = (HintCode.NOT_INJECTED, HintCode.EVIDENCE_ENDS)


def left_lines(verdict: Verdict) -> list[str]:
    """Where and why lanes are left, the most frequent place first; [] where a hint tells more."""
    if any(hint.code not in _BESIDE for hint in verdict.hints):
        return []
    places: dict[tuple[str, str, Cause], list[tuple[str, Left]]] = {}
    for lane, left, _ in verdict.left:
        places.setdefault((left.caller, left.service, left.cause), []).append((lane, left))
    return [
        line
        for found in list(places.values())[:_MOST_LEFT]
        for line in cause_lines(sorted({lane for lane, _ in found if lane}), _telling(found))
    ]


def _telling(found: Sequence[tuple[str, Left]]) -> Left:
    """Of one place, what a lane got there in place of another version, where one did."""
    lefts = [left for _, left in found]
    return next((left for left in lefts if left.answered != left.planned), lefts[0])


def hints_lines(verdict: Verdict) -> list[str]:
    """What the answers point to, in lines."""
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
                        "rule": str(e.by),
                        "count": e.count,
                        "as_planned": e.as_planned,
                        "not_verified": e.inconclusive,
                    }
                    for e in lane.entered
                ],
            }
            for lane in verdict.lanes
        },
        "unexpected": [
            {
                "code": u.problem.code,
                "problem": problem_text(u.problem),
                "answer": u.text,
                "status": u.status,
                "count": u.count,
            }
            for u in verdict.unexpected
        ],
        "left": [
            {
                "lane": lane or None,
                "caller": left.caller or None,
                "service": left.service,
                "planned": left.planned or None,
                "answered": left.answered or None,
                "cause": left.cause,
                "count": count,
            }
            for lane, left, count in verdict.left
        ],
        "splits": [
            {
                "lane": one.lane,
                "service": one.service,
                "version": one.version,
                "count": one.count,
                "total": one.total,
                "expected": round(one.expected, 4),
                "low": round(one.low, 4),
                "high": round(one.high, 4),
                "ok": one.fits,
            }
            for one in verdict.splits
        ],
        "hints": hints_lines(verdict),
    }


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print how the lanes fared, and the offending answers."""
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
    more = (*left_lines(verdict), *hints_lines(verdict))
    console.lines([*unexpected_lines(verdict), *more, ""])
