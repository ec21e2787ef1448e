"""The only module that prints. It makes all text printable and treats it as data, not markup."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TextIO, TypeVar

import rich.console
from rich.text import Text

from lanes.printable import printable

T = TypeVar("T")


class Console:
    """Prints lines to `file`, standard output by default.

    Output that is not a terminal has no colors and is 80 columns wide, unless `width` is given.
    """

    def __init__(self, file: TextIO | None = None, width: int | None = None) -> None:
        self._rich = rich.console.Console(file=file, width=width, highlight=False)
        self._colored = cache(self._color)

    @property
    def width(self) -> int:
        return self._rich.width

    def line(self, *parts: str | Text) -> None:
        """Print parts on one line, each Text in its style. rich's markup in them stays text."""
        self._write("".join(map(self._shown, parts)).rstrip(" "))

    def lines(self, lines: Iterable[str]) -> None:
        """Print each line."""
        for line in lines:
            self.line(line)

    def json(self, value: object) -> None:
        """Print a value as JSON, in ASCII."""
        # DEL is the only control character that JSON allows unescaped.
        self._write(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))

    def _shown(self, part: str | Text) -> str:
        if isinstance(part, str) or not part.style:
            return printable(str(part))
        return self._colored(printable(part.plain), str(part.style))

    def _color(self, text: str, style: str) -> str:
        with self._rich.capture() as captured:
            self._rich.print(Text(text, style=style), end="", soft_wrap=True)
        return captured.get()

    def _write(self, line: str) -> None:
        file = self._rich.file
        encoding = getattr(file, "encoding", None) or "utf-8"
        file.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        file.flush()


def print_error(*sentences: str) -> None:
    """Print sentences on standard error."""
    first, *others = sentences
    Console(sys.stderr).lines([f"lanes: {first}", *others])


def drop_output() -> None:
    """Discard what standard output has buffered, so that Python does not flush it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(items: Iterable[T], total: int | None) -> Iterator[T]:
    """Yield the items, and show a progress bar on standard error if that is a terminal."""
    # Commands that show no progress start faster without this.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = rich.console.Console(stderr=True)
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield from bar.track(items, total=total)
