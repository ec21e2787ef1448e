"""What goes wrong for the user, as sentences.

Every error that a user can cause or meet is a `LanesError`. The command line
prints it and exits with 2; anything else is a defect, which it asks to report.
"""

from collections.abc import Iterable

from lanes.printable import printable

_MOST = 10
_LONGEST = 2000


class LanesError(Exception):
    """What is wrong, where, and what to do: a sentence, or several.

    Each becomes one line that may be printed, and no longer than a screen, whatever it holds.
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__(*map(_line, sentences))

    @property
    def sentences(self) -> tuple[str, ...]:
        return self.args

    def __str__(self) -> str:
        return "\n".join(self.sentences)


class ManifestError(LanesError):
    """A manifest that can't be read, or asks for what is not supported."""

    def __init__(self, source: str, resource: str, field: str, problem: str) -> None:
        self.source, self.resource, self.field, self.problem = source, resource, field, problem
        where = ": ".join(part for part in (source, resource, field) if part)
        super().__init__(f"{where}: {problem}")


def together(sentences: Iterable[str]) -> list[str]:
    """The sentences, ten at most and a count of the others."""
    lines = list(sentences)
    more = len(lines) - _MOST
    return lines[:_MOST] + ([f"... and {more} more like these"] if more > 0 else [])


def _line(sentence: str) -> str:
    plain = printable(sentence)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}... ({len(plain):,} characters)"
