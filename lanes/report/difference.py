"""What a change of manifests changes for requests: as text, as Markdown and for programs."""

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
    """Return in a sentence for whom anything changes."""
    if not difference:
        return "Nothing changes for any request."
    names = [change.name for change in difference.lanes]
    lanes = f"lane {names[0]}" if len(names) == 1 else f"lanes {_listed(names)}" if names else ""
    if difference.header:
        return f"The lane header changes, and {lanes or 'no lane'}."
    if not names:
        return "No lane changes."
    if not difference.unchanged:
        return "Requests of every lane change."
    return f"Nothing changes for anybody but {lanes}."


def difference_lines(difference: Difference) -> Iterator[str]:
    """Yield the difference as text: each lane that differs, then rules, then a sentence."""
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
    """Yield the difference as Markdown, for the comment of a pull request."""
    yield f"**{_escaped(summary(difference))}**"
    if difference.header:
        yield ""
        yield f"The lane header: {_escaped(_arrow(difference.header))}"
    for change in difference.lanes:
        yield ""
        yield f"Lane **{_escaped(change.name)}**: {_escaped(_what(change))}"
        lines = list(_details(change)) if not change.hops else list(_entered(change))
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
    """Return the difference for programs; docs/pull-requests.md describes it."""
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
    """Return in words what becomes of a lane."""
    if change.after is None:
        return f"gone, weight {_weight(change.before)} before"
    if change.before is None:
        return f"new, weight {change.after.weight}"
    if change.before.weight != change.after.weight:
        return f"weight {change.before.weight} -> {change.after.weight}"
    return f"weight {change.after.weight}, as before"


def _details(change: LaneChange) -> Iterator[str]:
    yield from _entered(change)
    if change.after and not change.before:
        yield one_line(change.after)
    for hop in change.hops:
        before, after = _cells(hop)
        yield f"{hop.service}: {before or '(not reached)'} -> {after or '(not reached)'}"


def _entered(change: LaneChange) -> Iterator[str]:
    for rule in change.rules:
        yield f"entered by {rule.after}" if rule.after else f"no longer entered by {rule.before}"


def _cells(hop: HopChange) -> tuple[str, str]:
    before, after = (
        " / ".join(cell.plain for cell in cells_of(side).values())
        for side in (hop.before, hop.after)
    )
    return before, after


def _rules(difference: Difference) -> Iterator[tuple[str, list[str]]]:
    """Yield headings with what stands below them."""
    texts = {
        "rules that no request meets any more": list(difference.unmet),
        "gateway rules that lead to no one lane now": [
            change.after for change in difference.not_planned if change.after
        ],
        "gateway rules that led to no one lane before": [
            change.before for change in difference.not_planned if change.before
        ],
    }
    yield from ((heading, found) for heading, found in texts.items() if found)


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


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
