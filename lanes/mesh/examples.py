"""Example values of conditions, for entry rules."""

import re
import string
from collections import deque
from functools import lru_cache

import re2

from lanes.mesh.matching import StringMatch, holds

_PART = re.compile(
    r"\(\?[imsU-]+\)|\((?:\?(?:P?<\w+>|[imsU-]*:))?"  # flags; the beginning of a group
    r"|\{\d+(?:,\d*)?\}"
    r"|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|\\[pP](?:\{\^?\w+\}|\w)|\\x(?:\{\w+\}|\w\w)|\\.|.",
    re.DOTALL,
)
_COUNT = re.compile(r"\{(\d+)")
_ONE_CHARACTER = "x0" + string.printable


@lru_cache(maxsize=4096)
def example(match: StringMatch) -> str | None:
    """Return a short value that meets a condition; None if none is found."""
    if match.kind == "present":
        return "x"
    if match.kind != "regex":
        return match.value
    shortest = _alternatives(deque(_PART.findall(match.value)))
    return next((text for text in (shortest, "x") if text and holds(match, text)), None)


@lru_cache(maxsize=4096)
def examples(match: StringMatch) -> tuple[str, ...]:
    """Return some values that meet a condition, the shortest first; () if none is found."""
    first = example(match)
    if first is None:
        return ()
    longer = {"prefix": f"{first}x", "segments": f"{first}/x", "present": "other"}
    return tuple(v for v in (first, longer.get(match.kind)) if v is not None)


def _alternatives(parts: deque[str]) -> str:
    """Return the text of the first alternative; remove all of them from `parts`."""
    first = _sequence(parts)
    while parts and parts[0] == "|":
        parts.popleft()
        _sequence(parts)
    return first


def _sequence(parts: deque[str]) -> str:
    text = ""
    while parts and parts[0] not in "|)":
        atom = _atom(parts)
        text += atom * _times(parts[0] if parts else "")
    return text


def _atom(parts: deque[str]) -> str:
    part = parts.popleft()
    if part.startswith("(") and not part.endswith(")"):
        text = _alternatives(parts)
        if parts:
            parts.popleft()  # the closing parenthesis
        return text
    return _character(part)


@lru_cache(maxsize=4096)
def _character(part: str) -> str:
    """Return a character that matches a part of a regular expression.

    "" for a part that matches no single character, such as an anchor or a quantifier.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(part, options=options)
    except re2.error:  # this parser does not know the syntax
        return ""
    return next((one for one in _ONE_CHARACTER if pattern.fullmatch(one)), "")


def _times(ahead: str) -> int:
    """Return the least number of repetitions that a quantifier asks for; 1 for other parts."""
    if count := _COUNT.match(ahead):
        return int(count[1])
    return int(ahead not in ("?", "*"))
