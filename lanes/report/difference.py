"""Print how a change of manifests changes lanes: as text, Markdown or JSON."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lanes.comparing.difference import Change, Difference, HopChange, LaneChange
from lanes.planning.result import Lane
from lanes.report.json_version import VERSION
from lanes.report.plan import cells_of, one_line

Json = dict[str, Any]
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!|~&])")


def summary(difference: Difference) -> str:
    """Return a sentence that names the lanes that change."""
    if not difference:
        return "Nothing changes for any request."
    names = [change.name for change in difference.lanes]
    lanes = f"lane {names[0]}" if len(names) == 1 else f"lanes {_joined(names)}" if names else ""
    if difference.header:
        return f"The lane header changes, and {lanes or 'no lane'}."
    if not names:
        return "No lane changes."
    if not difference.unchanged:
        return "Requests of every lane change."
    return f"Nothing changes for anybody but {lanes}."


def difference_lines(difference: Difference) -> Iterator[str]:
    """Yield lines of text: each lane that differs, then rules, then the summary."""
    if difference.header:
        yield f"lane header: {_arrow(difference.header)}"
    for change in difference.lanes:
        yield f"lane {change.name}: {_what(change)}"
        yield from (f"  {line}" for line in _details(change))
    for heading, texts in _rules(difference):
        yield f"{heading}:"
        yield from (f"  {text}" for text in texts)
    yield summary(difference)


def difference_markdown(difference: Difference) -> Iterator[str]:
    """Yield lines of Markdown, for a comment on a pull request."""
    yield f"**{_escaped(summary(difference))}**"
    if difference.header:
        yield ""
        yield f"The lane header: {_escaped(_arrow(difference.header))}"
    for change in difference.lanes:
        yield ""
        yield f"Lane **{_escaped(change.name)}**: {_escaped(_what(change))}"
        lines = _entry_rules(change) if change.hops else _details(change)
        yield from (f"- {_escaped(line)}" for line in lines)
        if change.hops:
            yield ""
            yield "| service | before | after |"
            yield "|---|---|---|"
            for hop in change.hops:
                cells = (hop.service, *_cells(hop))
                yield f"| {' | '.join(map(_escaped, cells))} |"
    for heading, texts in _rules(difference):
        yield ""
        yield f"{_escaped(heading)}:"
        yield from (f"- {_escaped(text)}" for text in texts)


def difference_json(difference: Difference) -> Json:
    """Return the difference as JSON; docs/pull-requests.md describes it."""
    return {
        "version": VERSION,
        "changed": bool(difference),
        "summary": summary(difference),
        "lane_header": _both(difference.header),
        "lanes": [_lane(change) for change in difference.lanes],
        "unchanged": list(difference.unchanged),
        "unmet_rules": list(difference.unmet),
        "not_planned": _sides(difference.not_planned),
    }


def _lane(change: LaneChange) -> Json:
    return {
        "name": change.name,
        "change": _kind(change),
        "weight": {"before": _weight(change.before), "after": _weight(change.after)},
        "hops": [
            dict(zip(("service", "before", "after"), (hop.service, *_cells(hop)), strict=True))
            for hop in change.hops
        ],
        "entry_rules": _sides(change.rules),
    }


def _kind(change: LaneChange) -> str:
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "changed"


def _what(change: LaneChange) -> str:
    """Return how the lane's existence or weight changes, in words."""
    if change.after is None:
        return f"gone, weight {_weight(change.before)} before"
    if change.before is None:
        return f"new, weight {change.after.weight}"
    if change.before.weight != change.after.weight:
        return f"weight {change.before.weight} -> {change.after.weight}"
    return f"weight {change.after.weight}, as before"


def _details(change: LaneChange) -> Iterator[str]:
    yield from _entry_rules(change)
    if change.after and not change.before:
        yield one_line(change.after)
    for hop in change.hops:
        before, after = _cells(hop)
        yield f"{hop.service}: {before or '(not reached)'} -> {after or '(not reached)'}"


def _entry_rules(change: LaneChange) -> Iterator[str]:
    for rule in change.rules:
        yield f"entered by {rule.after}" if rule.after else f"no longer entered by {rule.before}"


def _cells(hop: HopChange) -> tuple[str, str]:
    before, after = (
        " / ".join(cell.plain for cell in cells_of(side).values())
        for side in (hop.before, hop.after)
    )
    return before, after


def _rules(difference: Difference) -> Iterator[tuple[str, list[str]]]:
    """Yield headings, each with the rules below it."""
    rules = {
        "rules that no request meets any more": list(difference.unmet),
        "gateway rules that lead to no one lane now": [
            change.after for change in difference.not_planned if change.after
        ],
        "gateway rules that led to no one lane before": [
            change.before for change in difference.not_planned if change.before
        ],
    }
    yield from ((heading, texts) for heading, texts in rules.items() if texts)


def _sides(changes: Iterable[Change]) -> Json:
    changes = tuple(changes)
    return {
        "added": [change.after for change in changes if change.after],
        "removed": [change.before for change in changes if change.before],
    }


def _both(change: Change | None) -> Json | None:
    return {"before": change.before, "after": change.after} if change else None


def _weight(lane: Lane | None) -> int | None:
    return lane.weight if lane else None


def _arrow(change: Change) -> str:
    return f"{change.before or '(none)'} -> {change.after or '(none)'}"


def _joined(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
