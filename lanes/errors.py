"""What goes wrong for the user, as sentences.

Every error that a user can cause or meet is a `LanesError`. The command line
prints it and exits with 2; anything else is a defect, which it asks to report.
"""

import re
from collections.abc import Iterable

_MOST = 10
_LONGEST = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class LanesError(Exception):
    """One sentence: what is wrong, where, and what to do."""


class ManifestError(LanesError):
    """A manifest that can't be read, or asks for what is not understood."""

    def __init__(self, source: str, resource: str, field: str, problem: str) -> None:
        where = ": ".join(part for part in (source, resource, field) if part)
        super().__init__(printable(f"{where}: {problem}"))


def together(sentences: Iterable[str]) -> str:
    """Sentences a line each, ten at most and a count of the others."""
    told = list(sentences)
    more = len(told) - _MOST
    return "\n".join(told[:_MOST] + ([f"... and {more} more like these"] if more > 0 else []))


def printable(text: str) -> str:
    """`text` on one line, without what would steer a terminal, and no longer than a screen."""
    plain = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}... ({len(plain):,} characters)"
