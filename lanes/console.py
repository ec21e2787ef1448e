"""The one place where a command prints. All that it prints is data, and made printable here."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TextIO, TypeVar

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from lanes.printable import printable

T = TypeVar("T")


class Console:
    """Lines for people, on standard output where no `file` is given.

    What is no terminal has no colors, and counts as 80 columns wide where `width` says nothing.
    """

    def __init__(self, file: TextIO | None = None, width: int | None = None) -> None:
        self._rich = rich.console.Console(file=file, width=width, highlight=False)
        self._colored = cache(self._color)

    @property
    def width(self) -> int:
        return self._rich.width

    def line(self, *parts: str | Text) -> None:
        """Print a line of parts, each Text in its own style. No markup is read."""
        self._write("".join(map(self._shown, parts)).rstrip(" "))

    def lines(self, lines: Iterable[str]) -> None:
        """Print each on a line of its own."""
        for line in lines:
            self.line(line)

    def json(self, value: object) -> None:
        """Print a value for programs, in ASCII."""
        # The one control character that JSON may hold as it is.
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


def complain(*sentences: str) -> None:
    """Print what is wrong on standard error."""
    first, *others = sentences
    Console(sys.stderr).lines([f"lanes: {first}", *others])


def drop_output() -> None:
    """Let what standard output still holds go nowhere, where Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(items: Iterable[T], total: int | None) -> Iterator[T]:
    """`items` as they come, with a bar on standard error while that is a terminal."""
    console = rich.console.Console(stderr=True)
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield from bar.track(items, total=total)
