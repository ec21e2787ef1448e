"""Errors that a user can cause or meet, as sentences.

The command line prints a LanesError and exits with 2. Any other exception is a defect: the command
line asks the user to report it.
"""

from collections.abc import Iterable

from lanes.printable import printable

_MOST_LINES = 10
_MOST_CHARACTERS = 2000


class LanesError(Exception):
    """Sentences that say what is wrong, where, and what to do.

    Each sentence becomes one printable line and is cut off after 2,000 characters.
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__(*map(_line, sentences))

    @property
    def sentences(self) -> tuple[str, ...]:
        return self.args

    def __str__(self) -> str:
        return "\n".join(self.sentences)


class ManifestError(LanesError):
    """A manifest that cannot be read, or has a field that is not supported."""

    def __init__(self, source: str, resource: str, field: str, problem: str) -> None:
        self.source, self.resource, self.field, self.problem = source, resource, field, problem
        where = ": ".join(part for part in (source, resource, field) if part)
        super().__init__(f"{where}: {problem}")


def first_ten(sentences: Iterable[str]) -> list[str]:
    """Return the first ten sentences, and a line that counts the others."""
    lines = list(sentences)
    more = len(lines) - _MOST_LINES
    return lines[:_MOST_LINES] + ([f"... and {more} more like these"] if more > 0 else [])


def _line(sentence: str) -> str:
    plain = printable(sentence)
    if len(plain) <= _MOST_CHARACTERS:
        return plain
    return f"{plain[:_MOST_CHARACTERS]}... ({len(plain):,} characters)"
