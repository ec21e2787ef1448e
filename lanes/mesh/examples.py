"""A value that a match asks for: an entry rule by a pattern is shown and tried by one."""

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
    """A short value that `match` holds for; None where none is found."""
    if match.kind == "present":
        return "x"
    if match.kind != "regex":
        return match.value
    shortest = _alternatives(deque(_PART.findall(match.value)))
    return next((text for text in (shortest, "x") if text and holds(match, text)), None)


@lru_cache(maxsize=4096)
def examples(match: StringMatch) -> tuple[str, ...]:
    """Some values that `match` holds for, the shortest first; (): none is found."""
    first = example(match)
    if first is None:
        return ()
    longer = {"prefix": f"{first}x", "segments": f"{first}/x", "present": "other"}
    return tuple(v for v in (first, longer.get(match.kind)) if v is not None)


def _alternatives(parts: deque[str]) -> str:
    """The text of the first of them; all are taken off `parts`."""
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
            parts.popleft()  # its end
        return text
    return _character(part)


@lru_cache(maxsize=4096)
def _character(part: str) -> str:
    """A character that a class, a dot or an escape stands for; "" for a place between two.

    How often one comes stands for none either.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(part, options=options)
    except re2.error:  # a part of something that is not taken apart here
        return ""
    return next((one for one in _ONE_CHARACTER if pattern.fullmatch(one)), "")


def _times(ahead: str) -> int:
    """How often what stands before this part must come, at least."""
    if count := _COUNT.match(ahead):
        return int(count[1])
    return int(ahead not in ("?", "*"))
