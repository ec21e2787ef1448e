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
        text += _atom(parts) * _times(parts)
    return text


def _atom(parts: deque[str]) -> str:
    part = parts.popleft()
    if part.startswith("(") and not part.endswith(")"):
        text = _alternatives(parts)
        if parts:
            parts.popleft()  # its end
        return text
    if part in string.ascii_letters + string.digits:
        return part
    return _character(part)


@lru_cache(maxsize=4096)
def _character(part: str) -> str:
    """A character that a class, a dot or an escape stands for; "" for a place between two."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(part, options=options)
    except re2.error:  # a part of something that is not taken apart here
        return ""
    return next((one for one in _ONE_CHARACTER if pattern.fullmatch(one)), "")


def _times(parts: deque[str]) -> int:
    """How often what stands before must come, at least."""
    part = parts[0] if parts else ""
    if part not in ("?", "*", "+") and not (len(part) > 1 and part[0] == "{"):
        return 1
    parts.popleft()
    if parts and parts[0] == "?":  # it takes as little as it can, which changes no match
        parts.popleft()
    if part in ("?", "*", "+"):
        return int(part == "+")
    return int(part[1:-1].partition(",")[0])
